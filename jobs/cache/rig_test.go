package cache_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually polls until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("it never happened: %s", what)
		case <-tick.C:
		}
	}
}

// rig is a cache on the shared server, with a clock that the test moves and keys of its own.
type rig struct {
	*cache.Cache
	rdb   redis.UniversalClient
	ns    string
	shift atomic.Int64

	mu      sync.Mutex
	reports []error
}

func newRig(t *testing.T, rdb redis.UniversalClient, config cache.Config) *rig {
	t.Helper()
	r := &rig{rdb: rdb, ns: redistest.Namespace() + ":"}
	config.Report = func(err error) { r.mu.Lock(); defer r.mu.Unlock(); r.reports = append(r.reports, err) }
	config.Now = func() time.Time { return time.Now().Add(time.Duration(r.shift.Load())) }
	if config.Rand == nil {
		config.Rand = func() float64 { return 0 } // no jitter, never early
	}
	r.Cache = cache.New(rdb, config)
	t.Cleanup(r.Close)
	return r
}

func sharedRig(t *testing.T) *rig {
	return newRig(t, redistest.Shared(t).Client(t), cache.Config{})
}

func (r *rig) pass(d time.Duration) { r.shift.Add(int64(d)) }

func (r *rig) reported(part string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.reports {
		if strings.Contains(err.Error(), part) {
			return true
		}
	}
	return false
}

// counter is a loader that returns how often it ran.
type counter struct{ n atomic.Int64 }

func (c *counter) load(context.Context) (int64, error) { return c.n.Add(1), nil }

func (r *rig) get(t *testing.T, key string, load func(context.Context) (int64, error), opts ...cache.Option) int64 {
	t.Helper()
	n, err := cache.GetOrLoad(t.Context(), r.Cache, r.ns+key, load, opts...)
	must(t, err)
	return n
}

// roundTrips counts them.
type roundTrips struct{ n atomic.Int64 }

func (h *roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { h.n.Add(1); return next(ctx, cmd) }
}

func (h *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { h.n.Add(1); return next(ctx, cmds) }
}
