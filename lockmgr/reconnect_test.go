package lockmgr_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// wakeUps are waits for locks of one server, each ended by a release.
type wakeUps struct {
	*testing.T
	direct *redis.Client // of the server
	rdb    redis.UniversalClient
}

// waiter begins to wait for a lock that is held.
func (w *wakeUps) waiter(locks *lockmgr.Manager, name string) (got <-chan time.Time) {
	arrived := make(chan time.Time, 1)
	var waiting sync.WaitGroup
	w.Cleanup(waiting.Wait)
	ctx := locktest.Bounded(w)
	waiting.Go(func() {
		lock, err := locks.Acquire(ctx, name)
		arrived <- time.Now()
		if err == nil {
			err = lock.Release(context.WithoutCancel(w.Context()))
		}
		if err != nil {
			w.Error(err)
		}
	})
	return arrived
}

// listening waits until the lock's channel has a subscriber, of either sort.
func (w *wakeUps) listening(name string) {
	w.Helper()
	channel := "{lock:" + name + "}:free"
	locktest.Eventually(w.T, "the waiter listens", func() bool {
		return w.direct.PubSubShardNumSub(w.Context(), channel).Val()[channel] == 1 ||
			w.direct.PubSubNumSub(w.Context(), channel).Val()[channel] == 1
	})
}

// wakes breaks each of some waiters' subscriptions, waits until it is mended, and reports how many of them then had the
// lock within 50 ms of its release; a waiter that is not woken comes 75 ms later on average.
func (w *wakeUps) wakes(rounds int, breakIt func()) (quick int) {
	w.Helper()
	for range rounds {
		locks, holders, name := newManager(w.T, w.rdb), newManager(w.T, w.rdb), redistest.Namespace()
		held := mustTake(w.T, holders, name, lockmgr.TTL(time.Minute))
		got := w.waiter(locks, name)
		w.listening(name)
		breakIt()
		w.listening(name)
		released := time.Now()
		locktest.Must(w.T, held.Release(w.Context()))
		if locktest.Receive(w.T, "the waiter has the lock", got).Sub(released) < 50*time.Millisecond {
			quick++
		}
	}
	return quick
}

func TestWaitersAreWokenAgainAfterTheirConnectionBroke(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	w := &wakeUps{T: t, direct: rdb, rdb: rdb}
	quick := w.wakes(8, func() {
		if killed := rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Val(); killed < 1 {
			t.Error("there was no subscription to kill")
		}
	})
	if quick < 6 {
		t.Errorf("%d of 8 waiters were woken", quick)
	}
}

func TestWaitersAreWokenAgainAfterARestart(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := server.Client(t)
	w := &wakeUps{T: t, direct: rdb, rdb: rdb}
	quick := w.wakes(4, func() {
		server.Kill()
		locktest.Must(t, server.Restart())
	})
	if quick < 3 {
		t.Errorf("%d of 4 waiters were woken", quick)
	}
}

func TestWaitersAreWokenOnACluster(t *testing.T) {
	t.Parallel()
	direct, rdb := newCluster(t)
	w := &wakeUps{T: t, direct: direct, rdb: rdb}
	quick := w.wakes(8, func() { direct.ClientKillByFilter(t.Context(), "TYPE", "pubsub") })
	if quick < 6 {
		t.Errorf("%d of 8 waiters were woken", quick)
	}
}
