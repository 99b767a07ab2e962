package lockmgr_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// deadTTL is that of a holder that died an hour before it: Redis' clock was set back since. The stored times are then
// as if it had died an hour from now.
const deadTTL = 300 * time.Millisecond

var deadHolder = strings.Repeat("d", 32) + ":300"

func inAnHour() float64 { return float64(time.Now().Add(time.Hour).UnixMilli()) }

// Whatever a holder left that died before Redis' clock was set back ends after its TTL, not after the length of the
// jump.
func TestWhatEndsLaterThanItCanIsNotBelieved(t *testing.T) {
	t.Parallel()
	lock := func(opts ...lockmgr.Option) func(context.Context, *lockmgr.Manager, string) error {
		return func(ctx context.Context, locks *lockmgr.Manager, name string) error {
			_, err := locks.Acquire(ctx, name, opts...)
			return err
		}
	}
	for name, c := range map[string]struct {
		forge func(rdb *redis.Client, name string)
		take  func(ctx context.Context, locks *lockmgr.Manager, name string) error
	}{
		"a lock": {func(rdb *redis.Client, name string) {
			rdb.Set(t.Context(), "lock:"+name, deadHolder, time.Hour)
		}, lock()},
		"a lock, for a fair waiter": {func(rdb *redis.Client, name string) {
			rdb.Set(t.Context(), "lock:"+name, deadHolder, time.Hour)
		}, lock(lockmgr.Fair())},
		"a fair waiter": {func(rdb *redis.Client, name string) {
			rdb.ZAdd(t.Context(), "{lock:"+name+"}:queue", redis.Z{Score: 1000 * inAnHour(), Member: deadHolder})
			rdb.ZAdd(t.Context(), "{lock:"+name+"}:waiters", redis.Z{Score: inAnHour(), Member: deadHolder})
		}, lock(lockmgr.Fair())},
		"a permit": {func(rdb *redis.Client, name string) {
			rdb.ZAdd(t.Context(), "semaphore:"+name, redis.Z{Score: inAnHour(), Member: deadHolder})
		}, func(ctx context.Context, locks *lockmgr.Manager, name string) error {
			_, err := locks.Semaphore(name, 1, lockmgr.TTL(deadTTL/2)).Acquire(ctx)
			return err
		}},
		"a writer": {func(rdb *redis.Client, name string) {
			rdb.ZAdd(t.Context(), "rwlock:"+name, redis.Z{Score: inAnHour(), Member: "!" + deadHolder})
		}, func(ctx context.Context, locks *lockmgr.Manager, name string) error {
			_, err := locks.RWLock(name).RLock(ctx)
			return err
		}},
		"a reader": {func(rdb *redis.Client, name string) {
			rdb.ZAdd(t.Context(), "rwlock:"+name, redis.Z{Score: inAnHour(), Member: deadHolder})
		}, func(ctx context.Context, locks *lockmgr.Manager, name string) error {
			_, err := locks.RWLock(name).Lock(ctx)
			return err
		}},
		"the intent of a writer": {func(rdb *redis.Client, name string) {
			rdb.Set(t.Context(), "{rwlock:"+name+"}:wish", "!"+deadHolder, time.Hour)
		}, func(ctx context.Context, locks *lockmgr.Manager, name string) error {
			_, err := locks.RWLock(name).RLock(ctx)
			return err
		}},
		"work under an idempotency key": {func(rdb *redis.Client, name string) {
			rdb.HSet(t.Context(), "once:"+name, "state", "running", "fingerprint", "f", "owner", deadHolder, "token", "1",
				"lease", time.Now().Add(time.Hour).UnixMilli())
		}, func(ctx context.Context, locks *lockmgr.Manager, name string) error {
			var err error
			locktest.Eventually(t, "the key is taken over", func() bool {
				_, _, err = locks.Once(ctx, name, "f", func(context.Context) ([]byte, error) { return nil, nil })
				var running *lockmgr.InProgressError
				return !errors.As(err, &running) || running.RetryAfter > deadTTL
			})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			locks, rdb, name := setup(t)
			ctx, cancel := context.WithTimeout(locktest.Bounded(t), time.Minute)
			defer cancel()
			c.forge(rdb, name)
			locktest.Must(t, c.take(ctx, locks, name))
		})
	}
}

// A holder that lives keeps what it has, and the locks of other programs, whose TTL nobody knows, are left alone.
func TestALivingHolderKeepsItsLockWhileTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	locks, rdb, name := setup(t)
	lock := mustTake(t, locks, name, lockmgr.TTL(2*time.Second))
	held := lock.Context()
	rdb.PExpire(t.Context(), "lock:"+name, time.Hour)
	rdb.Set(t.Context(), "lock:"+name+":foreign", "host:300", time.Hour)
	waiting, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for _, name := range []string{name, name + ":foreign"} {
		if _, err := newManager(t, rdb).Acquire(waiting, name); !errors.Is(err, lockmgr.ErrNotAcquired) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if left := rdb.PTTL(t.Context(), "lock:"+name).Val(); left > 2*time.Second || held.Err() != nil {
		t.Errorf("the lock ends in %s; %v", left, held.Err())
	}
	if left := rdb.PTTL(t.Context(), "lock:"+name+":foreign").Val(); left < 59*time.Minute {
		t.Errorf("the other program's ends in %s", left)
	}
	if states := inspect(t, locks, lockmgr.KindLock, name); states[0].Holders[0].Left > 2*time.Second {
		t.Errorf("got %+v", states)
	}
}
