package lockmgr_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

func TestSemaphoreLetsInItsNumber(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	managers := []*lockmgr.Manager{locks, newManager(t, redistest.Shared(t).Client(t))}
	ctx := locktest.Bounded(t)
	var inside atomic.Int64
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			permit, err := managers[i%2].Semaphore(name, 3).Acquire(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n > 3 {
				t.Errorf("%d holders of 3 permits", n)
			}
			inside.Add(-1)
			if err := permit.Release(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestSemaphoreTakesPermitsFromTheDeadAlone(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	gone := lockmgr.New(redistest.Shared(t).Client(t))
	ttl := lockmgr.TTL(500 * time.Millisecond) // long enough for a renewal on a busy machine
	sem := locks.Semaphore(name, 2, ttl)
	dead, err := gone.Semaphore(name, 2, ttl).Acquire(locktest.Bounded(t))
	locktest.Must(t, err)
	gone.Close()
	alive, err := sem.Acquire(locktest.Bounded(t))
	locktest.Must(t, err)
	if _, err := sem.TryAcquire(t.Context()); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("a third holder: got %v, want ErrNotAcquired", err)
	}
	successor, err := sem.Acquire(locktest.Bounded(t))
	locktest.Must(t, err)
	if successor.Token() <= alive.Token() || alive.Token() <= dead.Token() {
		t.Errorf("tokens %d, %d, %d do not grow", dead.Token(), alive.Token(), successor.Token())
	}
	if err := dead.Release(t.Context()); !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("release of the dead one's permit: got %v, want ErrLockLost", err)
	}
	if err := alive.Release(t.Context()); err != nil {
		t.Errorf("the living one lost its permit: %v", err)
	}
}

func TestRWLockLetsInReadersOrOneWriter(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	lock := locks.RWLock(name)
	reader, err := lock.RLock(locktest.Bounded(t))
	locktest.Must(t, err)
	if _, err := lock.TryLock(t.Context()); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("a writer beside a reader: got %v, want ErrNotAcquired", err)
	}
	second, err := lock.TryRLock(t.Context())
	if err != nil {
		t.Fatalf("a second reader: %v", err)
	}
	written, ctx := make(chan *lockmgr.Lock, 1), locktest.Bounded(t)
	go func() {
		writer, err := lock.Lock(ctx)
		if err != nil {
			t.Error(err)
		}
		written <- writer
	}()
	locktest.Eventually(t, "a waiting writer keeps readers out", func() bool {
		third, err := lock.TryRLock(t.Context())
		if err == nil {
			err = third.Release(t.Context())
		}
		return errors.Is(err, lockmgr.ErrNotAcquired)
	})
	for _, r := range []*lockmgr.Lock{reader, second} {
		if err := r.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
	writer := locktest.Receive(t, "the writer gets in", written)
	if writer == nil {
		return
	}
	if _, err := lock.TryRLock(t.Context()); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("a reader beside a writer: got %v, want ErrNotAcquired", err)
	}
	if err := writer.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := lock.TryRLock(t.Context()); err != nil {
		t.Errorf("a reader after the writer: %v", err)
	}
}

func TestPermitsRefuseBadInput(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	for what, take := range map[string]func(context.Context) (*lockmgr.Lock, error){
		"no permits":   locks.Semaphore(name, 0).Acquire,
		"no name":      locks.Semaphore("", 1).TryAcquire,
		"fair":         locks.Semaphore(name, 1, lockmgr.Fair()).Acquire,
		"no name, rw":  locks.RWLock("").Lock,
		"low TTL, rw":  locks.RWLock(name, lockmgr.TTL(1)).RLock,
		"fair, try rw": locks.RWLock(name, lockmgr.Fair()).TryLock,
	} {
		t.Run(what, func(t *testing.T) {
			if _, err := take(locktest.Bounded(t)); !errors.Is(err, lockmgr.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}
