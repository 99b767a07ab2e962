package cache_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

// The functions of a configuration are called where a panic would end the process: behind a load that is under way.
func TestFunctionsOfTheApplicationEndNothing(t *testing.T) {
	t.Parallel()
	for way, do := range map[string]func(){"panics": func() { panic("its own") }, "exits": runtime.Goexit} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			config := cache.Config{Report: func(error) { do() }, Jitter: math.NaN(), Beta: math.NaN()}
			if way == "panics" {
				config.Now = func() time.Time { do(); return time.Time{} }
				config.Rand = func() float64 { do(); return 0 }
			}
			rdb, key := redistest.Shared(t).Client(t), redistest.Namespace()+":k"
			c := cache.New(rdb, config)
			defer c.Close()
			must(t, rdb.Set(t.Context(), key, "{damaged", 0).Err()) // which is reported
			load := func(context.Context) (int, error) { return 7, nil }
			if v, err := cache.GetOrLoad(t.Context(), c, key, load); err != nil || v != 7 {
				t.Errorf("got %d, %v", v, err)
			}
			must(t, rdb.Set(t.Context(), key, "{damaged", 0).Err())
			var v int
			if err := c.Get(t.Context(), key, &v); !errors.Is(err, cache.ErrMiss) {
				t.Errorf("got %v", err)
			}
		})
	}
}
