package compat_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

func newLimiter(
	t *testing.T, server *redistest.Server, algorithm ratelimit.Algorithm, rate int64, window time.Duration,
) *ratelimit.Limiter {
	limiter, err := ratelimit.New(server.Client(t), ratelimit.Limit{Algorithm: algorithm, Rate: rate, Window: window},
		ratelimit.Options{Timeout: 5 * time.Second})
	must(t, err)
	return limiter
}

// decision is what the article's RateLimiter returns.
type decision struct {
	allowed   bool
	remaining int64
}

func (d *decision) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&d.allowed, &d.remaining})
}

func TestSlidingWindowIsOneQuota(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	const rate, window = 10, 3600
	limiter, rdb := newLimiter(t, server, ratelimit.SlidingLog, rate, window*time.Second), server.Client(t)
	peer := newPeer(t, server)
	python := peer.object("RateLimiter")
	for left := int64(rate - 1); left >= 0; left-- { // by turns
		if left%2 == 0 {
			var got decision
			if python.call(&got, "allow_request", "turns", rate, window); !got.allowed || got.remaining != left {
				t.Errorf("Python gets %+v, want %d remaining", got, left)
			}
		} else if got, err := limiter.Allow(ctx, "turns"); err != nil || !got.Allowed || got.Remaining != left {
			t.Errorf("Go gets %+v, %v, want %d remaining", got, err, left)
		}
	}
	log := func() int64 { return rdb.ZCard(ctx, "rate_limit:turns").Val() }
	if got, err := limiter.Allow(ctx, "turns"); err != nil || got.Allowed || log() != rate {
		t.Errorf("Go gets one more: %+v, %v; the log has %d calls", got, err, log())
	}
	var got decision
	if python.call(&got, "allow_request", "turns", rate, window); got.allowed || log() != rate+1 {
		t.Errorf("Python gets one more: %+v; the log has %d calls, its refused one too", got, log())
	}
	must(t, limiter.Reset(ctx, "turns"))
	if python.call(&got, "allow_request", "turns", rate, window); !got.allowed || got.remaining != rate-1 {
		t.Errorf("after Go's reset Python gets %+v", got)
	}
}

// The article's callers are held off by their own refused calls, for as long as they go on asking. Go's refused calls
// cost nothing: a window after the last allowed one, the next is allowed.
func TestRefusedCallsCostGoNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	peer := newPeer(t, server)
	python, clock := peer.object("RateLimiter"), peer.object("Clock")
	clock.call(nil, "stop")
	for i := range 5 { // once in two thirds of the window
		var got decision
		if python.call(&got, "allow_request", "impatient", 1, 3600); got.allowed != (i == 0) {
			t.Errorf("call %d of Python: %+v", i+1, got)
		}
		clock.call(nil, "advance", 2400)
	}

	limiter := newLimiter(t, server, ratelimit.SlidingLog, 1, 300*time.Millisecond)
	refused := 0
	eventually(t, "Go is allowed again, asking all the time", func(ctx context.Context) bool {
		got, err := limiter.Allow(ctx, "patient")
		must(t, err)
		if !got.Allowed {
			refused++
		}
		return got.Allowed && refused > 0
	})
}

// Two calls of the article's at the same moment are one member of the sorted set, and counted once. Go's are not.
func TestCallsOfOneMomentAreCountedApart(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	limiter, rdb := newLimiter(t, server, ratelimit.SlidingLog, 5, time.Hour), server.Client(t)
	peer := newPeer(t, server)
	peer.object("Clock").call(nil, "stop")
	results, err := peer.object("RateLimiter").repeat(20, "allow_request", "python", 5, 3600)
	must(t, err)
	for i, result := range results {
		var got decision
		if err := json.Unmarshal(result, &got); err != nil || !got.allowed {
			t.Errorf("call %d of a limit of 5: %+v, %v: the article's mistake is gone", i+1, got, err)
		}
	}
	if got, err := limiter.AllowN(ctx, "go", 5); err != nil || !got.Allowed || rdb.ZCard(ctx, "rate_limit:go").Val() != 5 {
		t.Errorf("five calls of one moment: %+v, %v", got, err)
	}
}

func TestLimitsHoldForBothSidesAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	const rate = 1000
	for class, limiter := range map[string]*ratelimit.Limiter{
		"RateLimiter":        newLimiter(t, server, ratelimit.SlidingLog, rate, time.Hour),
		"FixedWindowLimiter": newLimiter(t, server, ratelimit.FixedWindow, rate, 366*24*time.Hour),
	} {
		pythonKey := map[string]string{"RateLimiter": "rate_limit:both", "FixedWindowLimiter": "both"}[class]
		python := newPeer(t, server).object(class)
		var byPython, byGo atomic.Int64
		group, ctx := errgroup.WithContext(t.Context())
		group.Go(func() error {
			results, err := python.repeat(rate/2, "is_allowed", pythonKey, rate, int(limiter.Limit().Window.Seconds()))
			for _, result := range results {
				if strings.HasPrefix(strings.TrimPrefix(string(result), "["), "true") {
					byPython.Add(1)
				}
			}
			return err
		})
		eventually(t, "Python has begun", func(ctx context.Context) bool {
			got, err := limiter.Peek(ctx, "both")
			return err == nil && got.Remaining < rate
		})
		for range 4 {
			group.Go(func() error {
				for range rate / 4 {
					got, err := limiter.Allow(ctx, "both")
					if err != nil {
						return err
					}
					if got.Allowed {
						byGo.Add(1)
					}
				}
				return nil
			})
		}
		must(t, group.Wait())
		t.Logf("%s: %d calls were allowed to Python, %d to Go", class, byPython.Load(), byGo.Load())
		if byPython.Load()+byGo.Load() != rate || byPython.Load() == 0 {
			t.Errorf("%s: want %d in all, and both to have some", class, rate)
		}
	}
}

func TestFixedWindowIsOneQuota(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	const rate, window = 6, 366 * 24 * 3600 // long, so that none ends during the test
	limiter, rdb := newLimiter(t, server, ratelimit.FixedWindow, rate, window*time.Second), server.Client(t)
	peer := newPeer(t, server)
	python := peer.object("FixedWindowLimiter")
	var allowed bool
	for range rate / 2 {
		python.call(&allowed, "is_allowed", "fixed", rate, window)
		got, err := limiter.Allow(ctx, "fixed")
		if err != nil || !got.Allowed || !allowed {
			t.Errorf("Python gets %t and Go %+v, %v", allowed, got, err)
		}
	}
	keys := rdb.Keys(ctx, "fw:fixed:*").Val()
	if len(keys) != 1 {
		t.Fatalf("the keys are %q", keys)
	}
	if got, err := limiter.Allow(ctx, "fixed"); err != nil || got.Allowed || rdb.Get(ctx, keys[0]).Val() != "6" {
		t.Errorf("Go gets one more: %+v, %v; the counter is %s", got, err, rdb.Get(ctx, keys[0]).Val())
	}
	if python.call(&allowed, "is_allowed", "fixed", rate, window); allowed || rdb.Get(ctx, keys[0]).Val() != "7" {
		t.Errorf("Python gets one more: %t; the counter is %s, its refused call too", allowed, rdb.Get(ctx, keys[0]).Val())
	}
}
