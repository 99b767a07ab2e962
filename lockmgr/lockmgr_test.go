package lockmgr_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// articleRelease is how the Python programs that share these locks let go of them.
const articleRelease = `
if redis.call("get", KEYS[1]) == ARGV[1] then
return redis.call("del", KEYS[1])
else
return 0
end`

// setup returns a manager, the client below it, and a lock name that no other test has.
func setup(t *testing.T) (*lockmgr.Manager, *redis.Client, string) {
	t.Helper()
	rdb := redistest.Shared(t).Client(t)
	return newManager(t, rdb), rdb, redistest.Namespace()
}

// newManager returns a manager that is closed before the client below it.
func newManager(t *testing.T, rdb redis.UniversalClient) *lockmgr.Manager {
	t.Helper()
	locks := lockmgr.New(rdb)
	t.Cleanup(locks.Close)
	return locks
}

func mustTake(t *testing.T, locks *lockmgr.Manager, name string, opts ...lockmgr.Option) *lockmgr.Lock {
	t.Helper()
	lock, err := locks.TryAcquire(t.Context(), name, opts...)
	if err != nil {
		t.Fatalf("TryAcquire(%q): %v", name, err)
	}
	return lock
}

func TestTryAcquireRefusesASecondHolder(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)

	first := mustTake(t, locks, name)
	if _, err := locks.TryAcquire(t.Context(), name); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Fatalf("second TryAcquire: got %v, want ErrNotAcquired", err)
	}
	mustTake(t, locks, name+":other")

	if err := first.Release(t.Context()); err != nil {
		t.Fatalf("Release: %v", err)
	}
	mustTake(t, locks, name)
}

func TestAcquireLetsOneInAtATime(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)

	ctx := locktest.Bounded(t)
	var inside, entered atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			lock, err := locks.Acquire(ctx, name)
			if err != nil {
				t.Errorf("Acquire: %v", err)
				return
			}
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d holders at once", n)
			}
			entered.Add(1)
			inside.Add(-1)
			if err := lock.Release(t.Context()); err != nil {
				t.Errorf("Release: %v", err)
			}
		})
	}
	wg.Wait()
	if entered.Load() != 20 {
		t.Errorf("%d of 20 had the lock", entered.Load())
	}
}

func TestAcquireEndsWithItsContext(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	mustTake(t, locks, name)

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := locks.Acquire(ctx, name)
	if !errors.Is(err, lockmgr.ErrNotAcquired) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want ErrNotAcquired and the context's cause", err)
	}
}

func TestAcquireTakesOverWhenTheTTLEnds(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	gone := lockmgr.New(redistest.Shared(t).Client(t))
	crashed := mustTake(t, gone, name, lockmgr.TTL(lockmgr.MinTTL))
	gone.Close()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	successor, err := locks.Acquire(ctx, name)
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	for range 2 {
		if err := crashed.Release(t.Context()); !errors.Is(err, lockmgr.ErrLockLost) {
			t.Errorf("Release of a lost lock: got %v, want ErrLockLost", err)
		}
	}
	if err := successor.Release(t.Context()); err != nil {
		t.Errorf("the late release took the successor's lock: %v", err)
	}
}

func TestReleaseIsIdempotentAndWorksWithAnEndedContext(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	lock := mustTake(t, locks, name)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lock.Release(ended); err != nil {
		t.Fatalf("Release: %v", err)
	}
	successor := mustTake(t, locks, name)
	if err := lock.Release(t.Context()); err != nil {
		t.Errorf("second Release: %v", err)
	}
	if err := successor.Release(t.Context()); err != nil {
		t.Errorf("the second release took the successor's lock: %v", err)
	}
}

func TestLockIsTheArticlesOnTheWire(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	ctx, key := t.Context(), "lock:"+name

	lock := mustTake(t, locks, name, lockmgr.TTL(30*time.Second))
	token, err := rdb.Get(ctx, key).Result()
	if random, ttl, _ := strings.Cut(token, ":"); err != nil || len(random) != 32 || ttl != "30000" {
		t.Errorf("value of %s: %q (%v), want a token of 32 hex digits, and the TTL", key, token, err)
	}
	if ttl := rdb.PTTL(ctx, key).Val(); ttl <= 20*time.Second || ttl > 30*time.Second {
		t.Errorf("TTL of %s: %s, want about 30s", key, ttl)
	}
	theirs := redis.SetArgs{Mode: "NX", TTL: 10 * time.Second}
	if err := rdb.SetArgs(ctx, key, "their-token", theirs).Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("their SET NX went through while we hold the lock: %v", err)
	}
	if n := rdb.Eval(ctx, articleRelease, []string{key}, "their-token").Val(); n != int64(0) {
		t.Errorf("their release deleted our lock")
	}
	if err := lock.Release(ctx); err != nil {
		t.Fatalf("Release: %v", err)
	}

	if err := rdb.SetArgs(ctx, key, "their-token", theirs).Err(); err != nil {
		t.Fatalf("their SET NX after our release: %v", err)
	}
	if _, err := locks.TryAcquire(ctx, name); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("TryAcquire while they hold the lock: got %v, want ErrNotAcquired", err)
	}
	if n := rdb.Eval(ctx, articleRelease, []string{key}, "their-token").Val(); n != int64(1) {
		t.Errorf("their release found our token in place of theirs")
	}
	mustTake(t, locks, name)
}

func TestRedisAwayIsNotHeldByAnother(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() })
	locks := newManager(t, rdb)
	lock := mustTake(t, locks, "a")
	server.Stop()

	if _, err := locks.Acquire(locktest.Bounded(t), "b"); err == nil || errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("Acquire: got %v, want the connection's error", err)
	}
	if err := lock.Release(t.Context()); err == nil || errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("Release: got %v, want the connection's error", err)
	}
	locktest.Must(t, server.Restart())
	if err := lock.Release(t.Context()); !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("Release after Redis came back empty: got %v, want ErrLockLost", err)
	}
}
