package lockmgr_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// A TTL or a retention is refused, or it works.
func TestExtremeTimesAreRefusedOrWork(t *testing.T) {
	t.Parallel()
	locks, _, _ := setup(t)
	for _, d := range []time.Duration{
		math.MinInt64, -1, 0, 1, lockmgr.MinTTL - 1, lockmgr.MinTTL, 1<<53 - 1, 1 << 53, 1 << 62, math.MaxInt64,
	} {
		work := func(ctx context.Context) error {
			if ctx.Err() != nil {
				t.Errorf("%d: the lock is lost at once: %v", d, context.Cause(ctx))
			}
			return nil
		}
		once := func(ctx context.Context) ([]byte, error) { return []byte("done"), work(ctx) }
		name := redistest.Namespace()
		_, first, errFirst := locks.Once(t.Context(), name+"r", "", once, lockmgr.Retain(d))
		_, replayed, errAgain := locks.Once(t.Context(), name+"r", "", once, lockmgr.Retain(d))
		_, _, errTTL := locks.Once(t.Context(), name+"t", "", once, lockmgr.TTL(d))
		if errFirst == nil && (first || d > time.Second && !replayed) {
			t.Errorf("%d: the first call was a replay: %t, the second: %t", d, first, replayed)
		}
		permit, err := locks.Semaphore(name, math.MaxInt, lockmgr.TTL(d)).TryAcquire(t.Context())
		if err == nil {
			locktest.Must(t, permit.Release(t.Context()))
		}
		for _, err := range []error{
			errFirst, errAgain, errTTL, err, locks.Do(t.Context(), name, work, lockmgr.TTL(d)),
			locks.Do(t.Context(), name, work, lockmgr.TTL(d), lockmgr.Fair()),
		} {
			if valid := d >= lockmgr.MinTTL; valid != (err == nil) || !valid && !errors.Is(err, lockmgr.ErrInvalid) {
				t.Errorf("%d: %v", d, err)
			}
		}
	}
}

// A function that panics or ends its goroutine lets go of what it holds.
func TestFunctionsThatEndTheirGoroutineHoldNothing(t *testing.T) {
	t.Parallel()
	for way, do := range map[string]func(){"panics": func() { panic("its own") }, "exits": runtime.Goexit} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			locks, _, name := setup(t)
			isolated := func(call func()) {
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					defer func() { _ = recover() }()
					call()
				}()
				<-ended
			}
			isolated(func() {
				_ = locks.Do(t.Context(), name, func(context.Context) error { do(); return nil })
			})
			isolated(func() {
				_, _, _ = locks.Once(t.Context(), name, "", func(context.Context) ([]byte, error) { do(); return nil, nil })
			})
			lock, err := locks.TryAcquire(t.Context(), name)
			locktest.Must(t, err)
			locktest.Must(t, lock.Release(t.Context()))
			ran := false
			_, replayed, err := locks.Once(t.Context(), name, "", func(context.Context) ([]byte, error) {
				ran = true
				return nil, nil
			})
			if err != nil || !ran || replayed {
				t.Errorf("ran %t, replayed %t, %v", ran, replayed, err)
			}
		})
	}
}
