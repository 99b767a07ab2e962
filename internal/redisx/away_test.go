package redisx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

// Only what says that Redis cannot answer counts as its absence: not a refusal, not data that cannot be read.
func TestWhichErrorsSayThatRedisIsAway(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	key := redistest.Namespace()
	if err := rdb.Set(t.Context(), key, "text", 0).Err(); err != nil {
		t.Fatal(err)
	}
	closed := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = closed.Close() }()
	unreachable := redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1, DialTimeout: 100 * time.Millisecond,
	})
	noSentinel := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "m", SentinelAddrs: []string{"127.0.0.1:1"}, MaxRetries: -1, DialerRetries: 1,
	})
	t.Cleanup(func() { _, _ = unreachable.Close(), noSentinel.Close() })
	ended, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ended.Done()
	for name, c := range map[string]struct {
		err  error
		away bool
	}{
		"none":           {nil, false},
		"no such key":    {rdb.XInfoStream(t.Context(), key+"-none").Err(), false},
		"a wrong type":   {rdb.XLen(t.Context(), key).Err(), false},
		"nothing there":  {rdb.Get(t.Context(), key+"-none").Err(), false},
		"not JSON":       {json.Unmarshal([]byte("{"), new(any)), false},
		"of a program":   {errors.New("queue name: must not be empty"), false},
		"unreachable":    {unreachable.Ping(t.Context()).Err(), true},
		"no Sentinel":    {noSentinel.Ping(t.Context()).Err(), true},
		"a deadline":     {rdb.Ping(ended).Err(), true},
		"cut off":        {io.EOF, true},
		"pool exhausted": {redis.ErrPoolTimeout, true},
	} {
		if (c.err == nil) != (name == "none") {
			t.Errorf("%s: the error is %v", name, c.err)
		}
		for _, err := range []error{c.err, wrapped(c.err)} {
			if got := redisx.IsAway(err); got != c.away {
				t.Errorf("%s: %v is away: %t", name, err, got)
			}
		}
	}
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("queue: %w", errors.Join(err, errors.New("beside it")))
}
