package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

const soon = 300 * time.Millisecond

// impatient is a cache whose loaders get little time.
func impatient(t *testing.T) *rig {
	return newRig(t, redistest.Shared(t).Client(t), cache.Config{LoadTimeout: soon, Lease: 200 * time.Millisecond})
}

// within fails if fn takes much longer than a loader gets.
func within(t *testing.T, what string, fn func()) {
	t.Helper()
	began := time.Now()
	fn()
	if took := time.Since(began); took > 10*soon {
		t.Errorf("%s took %s, a loader gets %s", what, took, soon)
	}
}

// hanging is a loader that ignores its context until the test ends.
func hanging(t *testing.T) func(context.Context) (int64, error) {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return func(context.Context) (int64, error) { <-end; return 1, nil }
}

func TestALoaderThatNeverReturnsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	r, loads := impatient(t), counter{}
	other := newRig(t, redistest.Shared(t).Client(t), cache.Config{LoadTimeout: 10 * soon, Lease: time.Second})
	hang := hanging(t)
	key := r.ns + "k"
	within(t, "all that wait", func() {
		var wg sync.WaitGroup
		began := make(chan struct{})
		first := sync.OnceFunc(func() { close(began) })
		var expired atomic.Bool
		for range 10 {
			wg.Go(func() {
				n, err := cache.GetOrLoad(t.Context(), r.Cache, key, func(ctx context.Context) (int64, error) {
					first()
					return hang(ctx)
				})
				// One that the machine lets run late finds what the other process has loaded.
				if !errors.Is(err, context.DeadlineExceeded) && (err != nil || n != 1 || loads.n.Load() == 0) {
					t.Errorf("got %d, %v, want DeadlineExceeded", n, err)
				}
				if err != nil {
					expired.Store(true)
				}
			})
		}
		<-began
		wg.Go(func() { // another process
			n, err := cache.GetOrLoad(t.Context(), other.Cache, key, loads.load)
			if err != nil && !errors.Is(err, context.DeadlineExceeded) || err == nil && n != 1 {
				t.Errorf("another process: %d, %v", n, err)
			}
		})
		wg.Wait()
		if !expired.Load() {
			t.Error("none of those that wait for the loader got DeadlineExceeded")
		}
	})
	within(t, "the next", func() {
		_, err := cache.GetOrLoad(t.Context(), r.Cache, key, loads.load)
		must(t, err)
		_, err = cache.Reload(t.Context(), r.Cache, key, hang)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Reload: %v", err)
		}
	})
	within(t, "Close", r.Close)
}

func TestALoaderThatEndsItsGoroutineIsAnError(t *testing.T) {
	t.Parallel()
	r, loads := sharedRig(t), counter{}
	exit := func(context.Context) (int64, error) { runtime.Goexit(); return 0, nil }
	for range 2 {
		_, err := cache.GetOrLoad(t.Context(), r.Cache, r.ns+"k", exit)
		if err == nil || !strings.Contains(err.Error(), "goroutine") {
			t.Errorf("got %v", err)
		}
	}
	other := newRig(t, redistest.Shared(t).Client(t), cache.Config{})
	if n, err := cache.GetOrLoad(t.Context(), other.Cache, r.ns+"k", loads.load); err != nil || n != 1 {
		t.Errorf("another process: %d, %v", n, err)
	}
}

// A stale entry is served though its refresh hangs, and is loaded by the next when the hanging loader has had its time.
func TestARefreshThatHangsIsSucceeded(t *testing.T) {
	t.Parallel()
	r, loads, hang := impatient(t), counter{}, hanging(t)
	opts := []cache.Option{cache.TTL(time.Minute), cache.StaleFor(time.Hour)}
	_ = r.get(t, "k", loads.load, opts...)
	r.pass(2 * time.Minute)
	if got := r.get(t, "k", hang, opts...); got != 1 {
		t.Errorf("got %d", got)
	}
	eventually(t, "the report", func() bool { return r.reported("has not returned") })
	eventually(t, "another refresh", func() bool { return r.get(t, "k", loads.load, opts...) == 2 })
}

type touchy struct{ A int }

func (t *touchy) UnmarshalJSON(raw []byte) error {
	if strings.Contains(string(raw), "boom") {
		panic("boom")
	}
	return nil
}

// What another program wrote does not end the process, nor what a type does with it.
func TestAPanicWhileDecodingIsADamagedEntry(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	must(t, r.rdb.Set(t.Context(), r.ns+"k", `"boom"`, time.Minute).Err())
	if err := r.Get(t.Context(), r.ns+"k", new(touchy)); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("Get: %v, want ErrMiss", err)
	}
	_, err := cache.GetOrLoad(t.Context(), r.Cache, r.ns+"k", func(context.Context) (touchy, error) {
		return touchy{}, nil
	})
	if err != nil || !r.reported("damaged") {
		t.Errorf("got %v, reports %v", err, r.reports)
	}
	_, err = cache.GetOrLoad(t.Context(), r.Cache, r.ns+"l", func(context.Context) (any, error) { return panicky{}, nil })
	if err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("a value that panics when it is encoded: %v", err)
	}
}

type panicky struct{}

func (panicky) MarshalJSON() ([]byte, error) { panic("no") }

func TestErrorsAreKeptByChoice(t *testing.T) {
	t.Parallel()
	r, calls, boom := sharedRig(t), atomic.Int64{}, errors.New("boom")
	fail := func(context.Context) (int64, error) { calls.Add(1); return 0, fmt.Errorf("source: %w", boom) }
	ask := func(want error, wantCalls int64, opts ...cache.Option) {
		t.Helper()
		_, err := cache.GetOrLoad(t.Context(), r.Cache, r.ns+"k", fail, opts...)
		if !errors.Is(err, want) || calls.Load() != wantCalls {
			t.Errorf("got %v after %d loads, want %v after %d", err, calls.Load(), want, wantCalls)
		}
	}
	ask(boom, 1)
	ask(boom, 2, cache.ErrorTTL(time.Second))
	ask(boom, 2, cache.ErrorTTL(time.Second))
	r.pass(time.Second)
	ask(boom, 3, cache.ErrorTTL(time.Second))
	must(t, r.Delete(t.Context(), r.ns+"k"))
	ask(boom, 4, cache.ErrorTTL(time.Minute))
	must(t, r.rdb.Set(t.Context(), r.ns+"k", 7, time.Minute).Err()) // another process has it
	if got := r.get(t, "k", fail); got != 7 {
		t.Errorf("got %d, want 7", got)
	}
	must(t, r.Set(t.Context(), r.ns+"k", 8))
	must(t, r.rdb.Del(t.Context(), r.ns+"k").Err())
	ask(boom, 5)
	for _, ttl := range []time.Duration{-1, time.Minute + 1} {
		ask(cache.ErrInvalid, 5, cache.ErrorTTL(ttl))
	}
}

// The same of pages: a handler that never returns keeps its own visitor, and the others no longer than a loader gets.
func TestAHandlerThatNeverReturnsKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	s := &site{rig: impatient(t), t: t}
	s.http = cache.Pages(s.Cache, cache.PageConfig{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if s.runs.Add(1) == 1 {
			<-end
		}
		fmt.Fprint(w, "page")
	}))
	var first sync.WaitGroup
	first.Go(func() { _, _ = s.ask(http.MethodGet, "http://"+strings.Trim(s.ns, ":")+"/") })
	eventually(t, "the first runs", func() bool { return s.runs.Load() == 1 })
	within(t, "the others", func() {
		for range 3 {
			if _, body := s.ask(http.MethodGet, "http://"+strings.Trim(s.ns, ":")+"/"); body != "page" {
				t.Errorf("got %q", body)
			}
		}
	})
	close(end)
	first.Wait()
}
