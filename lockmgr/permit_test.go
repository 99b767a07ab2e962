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
)

func TestSemaphoreLetsInItsNumber(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	fleets := []*lockmgr.Manager{locks, newManager(t, redistest.Shared(t).Client(t))}
	var inside atomic.Int64
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			permit, err := fleets[i%2].Semaphore(name, 3).Acquire(t.Context())
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
	sem, ttl := locks.Semaphore(name, 2, lockmgr.TTL(200*time.Millisecond)), lockmgr.TTL(200*time.Millisecond)
	dead, err := gone.Semaphore(name, 2, ttl).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	alive, err := sem.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sem.TryAcquire(t.Context()); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("a third holder: got %v, want ErrNotAcquired", err)
	}
	heir, err := sem.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if heir.Token() <= alive.Token() || alive.Token() <= dead.Token() {
		t.Errorf("tokens %d, %d, %d do not grow", dead.Token(), alive.Token(), heir.Token())
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
	reader, err := lock.RLock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.TryLock(t.Context()); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("a writer beside a reader: got %v, want ErrNotAcquired", err)
	}
	second, err := lock.TryRLock(t.Context())
	if err != nil {
		t.Fatalf("a second reader: %v", err)
	}
	written := make(chan *lockmgr.Lock)
	go func() {
		writer, err := lock.Lock(t.Context())
		if err != nil {
			t.Error(err)
		}
		written <- writer
	}()
	eventually(t, "a waiting writer keeps readers out", func() bool {
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
	writer := <-written
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
		if _, err := take(t.Context()); !errors.Is(err, lockmgr.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", what, err)
		}
	}
}
