package redisx_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

func TestAPipelineFailsWithTheFirstErrorThatIsNoAnswer(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	key := redistest.Namespace()
	must(t, rdb.Set(t.Context(), key, "text", 0).Err())
	type adds = func(redis.Pipeliner)
	missing := func(p redis.Pipeliner) { p.Get(t.Context(), key+"missing") }
	otherType := func(p redis.Pipeliner) { p.HGet(t.Context(), key, "field") }
	noNumber := func(p redis.Pipeliner) { p.Incr(t.Context(), key) }
	for name, c := range map[string]struct {
		commands []adds
		answers  []string
		want     string // prefix of the error; "" for none
	}{
		"nothing":                        {nil, nil, ""},
		"a missing key":                  {[]adds{missing}, nil, ""},
		"another type":                   {[]adds{missing, otherType}, nil, "WRONGTYPE"},
		"another type, an answer":        {[]adds{otherType, missing}, []string{"NOGROUP", "WRONGTYPE"}, ""},
		"an error behind answers":        {[]adds{missing, otherType, noNumber}, []string{"WRONGTYPE"}, "value is not an integer"},
		"an error behind a missing key":  {[]adds{missing, noNumber, otherType}, nil, "value is not an integer"},
		"another type, another's answer": {[]adds{otherType}, []string{"NOGROUP"}, "WRONGTYPE"},
	} {
		for _, pipe := range []redis.Pipeliner{rdb.Pipeline(), rdb.TxPipeline()} {
			for _, add := range c.commands {
				add(pipe)
			}
			err := redisx.Execute(t.Context(), pipe, c.answers...)
			if c.want == "" && err != nil || c.want != "" && !redis.HasErrorPrefix(err, c.want) {
				t.Errorf("%s (%T): %v", name, pipe, err)
			}
		}
	}
}

func TestAPipelineThatDoesNotArriveFails(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pipe := rdb.Pipeline()
	pipe.Get(ctx, "k")
	if err := redisx.Execute(ctx, pipe, "WRONGTYPE"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
