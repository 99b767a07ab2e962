package lockmgr_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// While a slot moves key by key, Redis refuses scripts that name a key which does not exist. What is held stays held,
// and who asks or releases waits.
func TestLocksOutliveTheMoveOfTheirSlot(t *testing.T) {
	t.Parallel()
	cluster, _ := redistest.NewCluster(t)
	locks := newManager(t, cluster)
	const ttl = time.Second
	names := []string{"{moving}held", "{moving}semaphore", "{moving}once"}
	held := mustTake(t, locks, names[0], lockmgr.TTL(ttl))
	permit, err := locks.Semaphore(names[1], 2, lockmgr.TTL(ttl)).Acquire(t.Context())
	locktest.Must(t, err)
	begun, goOn, results := make(chan struct{}), make(chan struct{}), make(chan error, 8)
	go func() {
		_, _, err := locks.Once(t.Context(), names[2], "f", func(ctx context.Context) ([]byte, error) {
			close(begun)
			<-goOn
			return nil, ctx.Err()
		}, lockmgr.TTL(ttl))
		results <- err
	}()
	<-begun

	move := redistest.NewSlotMove(t, cluster, "{moving}")
	move.Begin()
	ends := func() time.Time { return time.Now().Add(cluster.PTTL(t.Context(), "lock:"+names[0]).Val()) }
	first := ends()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	acquire := func(acquire func(context.Context, string, ...lockmgr.Option) (*lockmgr.Lock, error), name string) {
		lock, err := acquire(ctx, "{moving}"+name)
		if err == nil {
			err = lock.Release(ctx)
		}
		results <- err
	}
	go acquire(locks.Acquire, "plain")
	go acquire(func(ctx context.Context, name string, _ ...lockmgr.Option) (*lockmgr.Lock, error) {
		return locks.Acquire(ctx, name, lockmgr.Fair())
	}, "fair")
	move.Migrate("lock:" + names[0])
	locktest.Eventually(t, "the lock was renewed beyond its first TTL, twice over", func() bool {
		return ends().Sub(first) > 2*ttl
	})
	go acquire(locks.TryAcquire, "tried")
	go func() {
		_, _, err := locks.Once(ctx, "{moving}late", "f", func(context.Context) ([]byte, error) { return nil, nil })
		results <- err
	}()
	go func() { results <- permit.Release(ctx) }()
	close(goOn)
	if err := errors.Join(context.Cause(held.Context()), context.Cause(permit.Context())); err != nil &&
		!errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	move.Finish()
	for range 6 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	locktest.Must(t, held.Release(t.Context()))
}

// A slot may stay half moved for long. A caller that does not wait for a lock is answered all the same.
func TestTryAcquireDoesNotWaitForAMoveForEver(t *testing.T) {
	t.Parallel()
	cluster, _ := redistest.NewCluster(t)
	locks := newManager(t, cluster)
	held := mustTake(t, locks, "{moving}held")
	move := redistest.NewSlotMove(t, cluster, "{moving}")
	move.Begin()
	if _, err := locks.TryAcquire(t.Context(), "{moving}held"); err == nil || errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := locks.Acquire(ctx, "{moving}held"); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("got %v", err)
	}
	move.Finish()
	locktest.Must(t, held.Release(t.Context()))
}
