package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

func TestLoadedOnceAndPlainJSON(t *testing.T) {
	t.Parallel()
	r, loads := sharedRig(t), counter{}
	for range 3 {
		if got := r.get(t, "k", loads.load); got != 1 {
			t.Errorf("got %d, want 1", got)
		}
	}
	if raw := r.rdb.Get(t.Context(), r.ns+"k").Val(); raw != "1" {
		t.Errorf("the key holds %q, want plain JSON", raw)
	}
	if ttl := r.rdb.TTL(t.Context(), r.ns+"k").Val(); ttl < 59*time.Minute || ttl > time.Hour {
		t.Errorf("TTL %s, want 1 h", ttl)
	}
}

func TestAHitIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	rdb, trips := redistest.Shared(t).Client(t), &roundTrips{}
	r, loads := newRig(t, rdb, cache.Config{}), counter{}
	_ = r.get(t, "k", loads.load, cache.Tags(r.ns+"t"))
	rdb.AddHook(trips)
	_ = r.get(t, "k", loads.load, cache.Tags(r.ns+"t"))
	if n := trips.n.Load(); n != 1 {
		t.Errorf("%d round trips, want 1", n)
	}
}

func TestValuesOfOtherProgramsAreServed(t *testing.T) {
	t.Parallel()
	r, loads := sharedRig(t), counter{}
	must(t, r.rdb.SetEx(t.Context(), r.ns+"k", "41", time.Minute).Err())
	if got := r.get(t, "k", loads.load); got != 41 {
		t.Errorf("got %d, want 41", got)
	}
	_ = r.get(t, "l", loads.load)
	must(t, r.rdb.SetEx(t.Context(), r.ns+"l", "42", time.Hour).Err()) // beside our companion
	r.pass(59 * time.Minute)
	if got := r.get(t, "l", loads.load); got != 42 {
		t.Errorf("got %d, want 42", got)
	}
	must(t, r.rdb.Del(t.Context(), r.ns+"l").Err())
	if got := r.get(t, "l", loads.load); got != 2 {
		t.Errorf("after a bare DEL: got %d, want a new load", got)
	}
}

func TestStaleIsServedWhileOneRefreshes(t *testing.T) {
	t.Parallel()
	r, loads := sharedRig(t), counter{}
	opts := []cache.Option{cache.TTL(time.Minute), cache.StaleFor(time.Hour)}
	_ = r.get(t, "k", loads.load, opts...)
	r.pass(2 * time.Minute)
	gate := make(chan struct{})
	slow := func(ctx context.Context) (int64, error) { <-gate; return loads.load(ctx) }
	for range 20 {
		if got := r.get(t, "k", slow, opts...); got != 1 {
			t.Fatalf("got %d, want the stale 1", got)
		}
	}
	close(gate)
	eventually(t, "the refresh", func() bool { return r.get(t, "k", loads.load, opts...) == 2 })
	if n := loads.n.Load(); n != 2 {
		t.Errorf("%d loads, want 2", n)
	}
}

func TestAFailedRefreshLeavesTheStaleAndIsReported(t *testing.T) {
	t.Parallel()
	r, loads := sharedRig(t), counter{}
	opts := []cache.Option{cache.TTL(time.Minute), cache.StaleFor(time.Hour)}
	_ = r.get(t, "k", loads.load, opts...)
	r.pass(2 * time.Minute)
	fail := func(context.Context) (int64, error) { panic("database away") }
	if got := r.get(t, "k", fail, opts...); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
	eventually(t, "the report", func() bool { return r.reported("database away") })
	if got := r.get(t, "k", fail, opts...); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
}

func TestXFetchRefreshesEarlyInProportionToTheLoad(t *testing.T) {
	t.Parallel()
	draw := atomic.Pointer[float64]{}
	set := func(v float64) { draw.Store(&v) }
	set(0)
	r := newRig(t, redistest.Shared(t).Client(t), cache.Config{Rand: func() float64 { return *draw.Load() }})
	loads := counter{}
	slow := func(ctx context.Context) (int64, error) { <-time.After(50 * time.Millisecond); return loads.load(ctx) }
	_ = r.get(t, "k", slow, cache.TTL(time.Minute))
	r.pass(59*time.Second + 900*time.Millisecond) // some 50 to 100 ms are left; the load took 50
	_ = r.get(t, "k", slow, cache.TTL(time.Minute))
	if n := loads.n.Load(); n != 1 {
		t.Fatalf("%d loads: a draw of 0 must never refresh early", n)
	}
	set(0.999) // -ln(1-0.999) = 6.9: up to 345 ms early
	if got := r.get(t, "k", slow, cache.TTL(time.Minute)); got != 1 {
		t.Errorf("got %d: the reader must not wait for an early refresh", got)
	}
	eventually(t, "the early refresh", func() bool { return loads.n.Load() == 2 })
}

func TestJitterTakesOffUpToATenth(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t).Client(t), cache.Config{Rand: func() float64 { return 0.999 }, Beta: -1})
	must(t, r.Set(t.Context(), r.ns+"k", 1, cache.TTL(1000*time.Second)))
	if ttl := r.rdb.TTL(t.Context(), r.ns+"k").Val(); ttl < 899*time.Second || ttl > 902*time.Second {
		t.Errorf("TTL %s, want about 900 s", ttl)
	}
}

func TestMissesAreRemembered(t *testing.T) {
	t.Parallel()
	r, calls := sharedRig(t), atomic.Int64{}
	load := func(context.Context) (int64, error) {
		calls.Add(1)
		return 0, fmt.Errorf("user 7: %w", cache.ErrNotFound)
	}
	for range 3 {
		_, err := cache.GetOrLoad(t.Context(), r.Cache, r.ns+"k", load)
		if !errors.Is(err, cache.ErrNotFound) {
			t.Fatalf("got %v, want ErrNotFound", err)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls, want 1", calls.Load())
	}
	if err := r.Get(t.Context(), r.ns+"k", new(int)); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
	if r.rdb.Exists(t.Context(), r.ns+"k").Val() != 0 {
		t.Error("other programs would see a value")
	}
	must(t, r.Set(t.Context(), r.ns+"k", 5))
	if got := r.get(t, "k", load); got != 5 {
		t.Errorf("after Set: got %d, want 5", got)
	}
}

func TestDamagedEntriesAreReportedAndLoadedAnew(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"cut": `{"a":`, "empty": "", "another type": `"text"`, "NaN": "NaN", "binary": "\x00\xff\xfe",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, loads := sharedRig(t), counter{}
			must(t, r.rdb.Set(t.Context(), r.ns+"k", raw, time.Minute).Err())
			must(t, r.rdb.Set(t.Context(), "{"+r.ns+"k}:meta", raw, time.Minute).Err())
			if err := r.Get(t.Context(), r.ns+"k", new(int64)); !errors.Is(err, cache.ErrMiss) {
				t.Errorf("Get: %v, want ErrMiss", err)
			}
			if got := r.get(t, "k", loads.load); got != 1 || !r.reported("damaged") {
				t.Errorf("got %d, reports %v", got, r.reports)
			}
		})
	}
}

func TestEachWaiterHasItsOwnContext(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	began, gate := make(chan struct{}), make(chan struct{})
	load := func(ctx context.Context) (int64, error) {
		close(began)
		select {
		case <-gate:
			return 1, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	impatient, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := cache.GetOrLoad(impatient, r.Cache, r.ns+"k", load)
		first <- err
	}()
	<-began
	second := make(chan int64, 1)
	type mark struct{} // a context of its own, that does not end
	joining := context.WithValue(t.Context(), mark{}, 0)
	go func() {
		n, _ := cache.GetOrLoad(joining, r.Cache, r.ns+"k", load)
		second <- n
	}()
	eventually(t, "both wait", func() bool { return cache.Waiters(r.Cache, r.ns+"k") == 2 })
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the impatient one got %v", err)
	}
	close(gate)
	if n := <-second; n != 1 {
		t.Errorf("the patient one got %d, want 1", n)
	}
}

func TestALoadThatNobodyWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	_, err := cache.GetOrLoad(ctx, r.Cache, r.ns+"k", func(load context.Context) (int, error) {
		cancel()
		<-load.Done()
		ended <- load.Err()
		return 0, load.Err()
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(<-ended, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWhatWasInvalidatedDuringItsLoadIsNotStored(t *testing.T) {
	t.Parallel()
	for name, invalidate := range map[string]func(*rig, context.Context) error{
		"Delete":         func(r *rig, ctx context.Context) error { return r.Delete(ctx, r.ns+"k") },
		"InvalidateTags": func(r *rig, ctx context.Context) error { _, err := r.InvalidateTags(ctx, r.ns+"t"); return err },
		"InvalidatePrefix": func(r *rig, ctx context.Context) error {
			_, err := r.InvalidatePrefix(ctx, r.ns, nil)
			return err
		},
		"Set": func(r *rig, ctx context.Context) error { return r.Set(ctx, r.ns+"k", 99) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sharedRig(t)
			got := r.get(t, "k", func(ctx context.Context) (int64, error) { return 1, invalidate(r, ctx) }, cache.Tags(r.ns+"t"))
			if got != 1 {
				t.Errorf("the caller got %d, want what was loaded", got)
			}
			want := ""
			if name == "Set" {
				want = "99"
			}
			if raw := r.rdb.Get(t.Context(), r.ns+"k").Val(); raw != want {
				t.Errorf("stored %q, want %q", raw, want)
			}
		})
	}
}

func TestReloadReplacesAndErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	r, loads := sharedRig(t), counter{}
	_ = r.get(t, "k", loads.load)
	n, err := cache.Reload(t.Context(), r.Cache, r.ns+"k", loads.load)
	if err != nil || n != 2 || r.get(t, "k", loads.load) != 2 {
		t.Errorf("got %d (%v), want 2", n, err)
	}
	boom := errors.New("boom")
	for range 2 {
		_, err := cache.GetOrLoad(t.Context(), r.Cache, r.ns+"e", func(context.Context) (int64, error) { return 0, boom })
		if !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
	}
	if got := r.get(t, "e", loads.load); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
}

func TestWithoutRedisEachProcessLoadsForItself(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() })
	r, loads := newRig(t, rdb, cache.Config{}), counter{}
	server.Kill()
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_ = r.get(t, "k", func(ctx context.Context) (int64, error) { <-gate; return loads.load(ctx) })
		})
	}
	eventually(t, "all wait", func() bool { return cache.Waiters(r.Cache, r.ns+"k") == 50 })
	close(gate)
	wg.Wait()
	if loads.n.Load() != 1 || !r.reported("cache: read") {
		t.Errorf("%d loads, reports %v", loads.n.Load(), r.reports)
	}
}

func TestClosedAndInvalid(t *testing.T) {
	t.Parallel()
	r, loads := sharedRig(t), counter{}
	for name, opts := range map[string][]cache.Option{
		"k": {cache.TTL(-1)}, "l": {cache.StaleFor(-1)}, "m": {cache.Tags("")}, "": nil, "a}": nil,
		strings.Repeat("x", 5000): nil,
	} {
		key := r.ns + name
		if name == "" {
			key = ""
		}
		_, err := cache.GetOrLoad(t.Context(), r.Cache, key, loads.load, opts...)
		if !errors.Is(err, cache.ErrInvalid) {
			t.Errorf("%.20q: got %v, want ErrInvalid", name, err)
		}
	}
	if _, err := cache.GetOrLoad[int](t.Context(), r.Cache, r.ns+"k", nil); !errors.Is(err, cache.ErrInvalid) {
		t.Errorf("no loader: got %v", err)
	}
	r.Close()
	if _, err := cache.GetOrLoad(t.Context(), r.Cache, r.ns+"k", loads.load); !errors.Is(err, cache.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
