package lockmgr_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

func TestOnceRunsOnceForManyCallers(t *testing.T) {
	t.Parallel()
	locks, rdb, key := setup(t)
	var runs, replays, busy atomic.Int64
	proceed := make(chan struct{})
	call := func() {
		result, replayed, err := locks.Once(t.Context(), key, "f", func(context.Context) ([]byte, error) {
			runs.Add(1)
			<-proceed
			return []byte("paid"), nil
		})
		var progress *lockmgr.InProgressError
		switch {
		case errors.As(err, &progress) && errors.Is(err, lockmgr.ErrInProgress):
			if progress.RetryAfter <= 0 || progress.RetryAfter > lockmgr.DefaultTTL {
				t.Errorf("RetryAfter %s", progress.RetryAfter)
			}
			busy.Add(1)
		case err != nil || string(result) != "paid":
			t.Errorf("got %q, %v", result, err)
		case replayed:
			replays.Add(1)
		}
	}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(call)
	}
	locktest.Eventually(t, "99 callers find the work in progress", func() bool { return busy.Load() == 99 })
	close(proceed)
	wg.Wait()
	call()
	if runs.Load() != 1 || replays.Load() != 1 {
		t.Errorf("%d runs and %d replays, want one of each", runs.Load(), replays.Load())
	}
	if ttl := rdb.TTL(t.Context(), "once:"+key).Val(); ttl < 23*time.Hour || ttl > 24*time.Hour {
		t.Errorf("the result is kept for %s, want a day", ttl)
	}
}

func TestOnceTakesOverFromADeadHolder(t *testing.T) {
	t.Parallel()
	locks, _, key := setup(t)
	theirs := redistest.Shared(t).Client(t)
	gone := lockmgr.New(theirs)
	ttl := lockmgr.TTL(200 * time.Millisecond)
	var first, second uint64
	paused, proceed, late := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, _, err := gone.Once(t.Context(), key, "f", func(ctx context.Context) ([]byte, error) {
			first = lockmgr.Token(ctx)
			close(paused)
			<-proceed
			if cause := context.Cause(ctx); cause == nil {
				t.Error("the late one's context lives on")
			}
			return []byte("late"), nil
		}, ttl)
		late <- err
	}()
	locktest.Receive(t, "the function runs", paused)
	gone.Close() // renews no more
	locktest.Eventually(t, "the lease ends", func() bool {
		result, replayed, err := locks.Once(t.Context(), key, "f", func(ctx context.Context) ([]byte, error) {
			second = lockmgr.Token(ctx)
			return []byte("successor"), nil
		}, ttl)
		if err != nil && !errors.Is(err, lockmgr.ErrInProgress) {
			t.Fatal(err)
		}
		return err == nil && !replayed && string(result) == "successor"
	})
	close(proceed)
	if err := locktest.Receive(t, "the late one returns", late); !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("the late one: got %v, want ErrLockLost", err)
	}
	if second <= first {
		t.Errorf("token %d after %d", second, first)
	}
	result, replayed, err := locks.Once(t.Context(), key, "f", unreachable(t))
	if string(result) != "successor" || !replayed || err != nil {
		t.Errorf("got %q, %t, %v: want the successor's result", result, replayed, err)
	}
}

func TestOnceRenewsWhileTheFunctionRuns(t *testing.T) {
	t.Parallel()
	locks, _, key := setup(t)
	ttl := lockmgr.TTL(150 * time.Millisecond)
	_, _, err := locks.Once(t.Context(), key, "f", func(ctx context.Context) ([]byte, error) {
		until := time.Now().Add(500 * time.Millisecond)
		locktest.Eventually(t, "three leases pass", func() bool {
			if _, _, err := locks.Once(ctx, key, "f", unreachable(t), ttl); !errors.Is(err, lockmgr.ErrInProgress) {
				t.Errorf("got %v, want ErrInProgress", err)
			}
			return time.Now().After(until)
		})
		return nil, ctx.Err()
	}, ttl)
	if err != nil {
		t.Error(err)
	}
}

func TestOnceKeepsFinalFailuresAlone(t *testing.T) {
	t.Parallel()
	locks, rdb, key := setup(t)
	passing, declined := errors.New("try later"), errors.New("declined")
	for _, failure := range []error{passing, lockmgr.Final(declined)} {
		_, replayed, err := locks.Once(t.Context(), key, "f", func(context.Context) ([]byte, error) { return nil, failure })
		if replayed || !errors.Is(err, errors.Unwrap(failure)) && !errors.Is(err, failure) {
			t.Errorf("got %t, %v, want %v", replayed, err, failure)
		}
	}
	_, replayed, err := locks.Once(t.Context(), key, "f", unreachable(t))
	var final *lockmgr.FinalError
	if !replayed || !errors.As(err, &final) || final.Error() != "declined" {
		t.Errorf("got %t, %v, want the final failure again", replayed, err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _, _ = locks.Once(t.Context(), key+"p", "f", func(context.Context) ([]byte, error) { panic("p") })
	}()
	if rdb.Exists(t.Context(), "once:"+key+"p").Val() != 0 {
		t.Error("a panic left the key in progress")
	}
}

func TestOnceRefuses(t *testing.T) {
	t.Parallel()
	locks, _, key := setup(t)
	ok := func(context.Context) ([]byte, error) { return nil, nil }
	if _, _, err := locks.Once(t.Context(), key, "f", ok); err != nil {
		t.Fatal(err)
	}
	if _, _, err := locks.Once(t.Context(), key, "another", unreachable(t)); !errors.Is(err, lockmgr.ErrKeyReused) {
		t.Errorf("another fingerprint: got %v, want ErrKeyReused", err)
	}
	for what, call := range map[string]func() error{
		"no key":      func() error { _, _, err := locks.Once(t.Context(), "", "f", ok); return err },
		"long key":    func() error { _, _, err := locks.Once(t.Context(), strings.Repeat("k", 1025), "f", ok); return err },
		"nil option":  func() error { _, _, err := locks.Once(t.Context(), key, "f", ok, nil); return err },
		"no function": func() error { _, _, err := locks.Once(t.Context(), key, "f", nil); return err },
		"low TTL":     func() error { _, _, err := locks.Once(t.Context(), key, "f", ok, lockmgr.TTL(1)); return err },
		"low Retain":  func() error { _, _, err := locks.Once(t.Context(), key, "f", ok, lockmgr.Retain(1)); return err },
		"fair":        func() error { _, _, err := locks.Once(t.Context(), key, "f", ok, lockmgr.Fair()); return err },
	} {
		t.Run(what, func(t *testing.T) {
			if err := call(); !errors.Is(err, lockmgr.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

func unreachable(t *testing.T) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		t.Error("the function ran again")
		return nil, nil
	}
}
