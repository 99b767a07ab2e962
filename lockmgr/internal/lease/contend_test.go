package lease_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// memory is a backend that answers as it is set.
type memory struct {
	busy     atomic.Int64 // attempts that are still refused
	wait     time.Duration
	err      error
	lost     bool
	releases int
}

func (m *memory) Acquire(context.Context, string, time.Duration) (uint64, time.Duration, error) {
	if m.err != nil || m.busy.Add(-1) >= 0 {
		return 0, m.wait, m.err
	}
	return 7, 0, nil
}

func (m *memory) Renew(context.Context, string, time.Duration) (bool, error) { return true, nil }

func (m *memory) Release(context.Context, string) (bool, error) {
	m.releases++
	return !m.lost, m.err
}

func (m *memory) Withdraw(context.Context, string, bool) error { return nil }

func newLock(set *lease.Set, m *memory) *lease.Lock {
	return &lease.Lock{Leases: set, Background: new(lease.Background), Backend: m, Name: "a", Owner: "o", TTL: time.Minute}
}

func everySecond(time.Duration) time.Duration { return time.Second }

func TestContendTriesUntilTheLockIsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var set lease.Set
		m := &memory{wait: 3 * time.Second}
		m.busy.Store(2)
		lock, refused := newLock(&set, m), 0
		began := time.Now()
		err := lease.NewLocalQueue().Contend(t.Context(), lock, lease.Contention{
			Pause:   func(wait time.Duration) time.Duration { return wait + time.Second },
			Refused: func() { refused++ },
		})
		if took := time.Since(began); err != nil || refused != 2 || took != 8*time.Second {
			t.Errorf("%v after %d refusals and %s, want a lock after 2 and 8 s", err, refused, took)
		}
		if lease.Token(lock.Context()) != 7 || lock.Token() != 7 {
			t.Errorf("token %d, %d in the context, want 7", lock.Token(), lease.Token(lock.Context()))
		}
		if err := lock.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestContendIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var set lease.Set
		m := &memory{}
		m.busy.Store(1)
		lock, wake := newLock(&set, m), make(chan struct{}, 1)
		wake <- struct{}{}
		began := time.Now()
		err := lease.NewLocalQueue().Contend(t.Context(), lock, lease.Contention{Wake: wake, Pause: everySecond})
		if err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %s, want a lock at once", err, time.Since(began))
		}
		_ = lock.Release(t.Context())
	})
}

func TestContendEnds(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for name, test := range map[string]struct {
		err  error
		end  func(*lease.LocalQueue, context.CancelFunc)
		want []error
	}{
		"with its context": {
			nil, func(_ *lease.LocalQueue, cancel context.CancelFunc) { cancel() },
			[]error{lease.ErrNotAcquired, context.Canceled},
		},
		"with the queue": {
			nil, func(q *lease.LocalQueue, _ context.CancelFunc) { q.Close(); q.Close() },
			[]error{lease.ErrClosed},
		},
		"with another failure": {away, func(*lease.LocalQueue, context.CancelFunc) {}, []error{away}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var set lease.Set
				m := &memory{err: test.err}
				m.busy.Store(1000)
				queue := lease.NewLocalQueue()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(5*time.Second, func() { test.end(queue, cancel) })
				began := time.Now()
				err := queue.Contend(ctx, newLock(&set, m), lease.Contention{Pause: everySecond})
				for _, want := range test.want {
					if !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("ended after %s", took)
				}
				<-time.After(10 * time.Second) // for the timer
			})
		})
	}
}

func TestOneWaiterOfAProcessContends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var set lease.Set
		lock, queue := newLock(&set, &memory{}), lease.NewLocalQueue()
		end, err := queue.Turn(t.Context(), lock, "a")
		locktest.Must(t, err)
		if endOther, err := queue.Turn(t.Context(), lock, "b"); err != nil {
			t.Errorf("another lock: %v", err)
		} else {
			endOther()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = queue.Turn(ctx, lock, "a")
		if !errors.Is(err, lease.ErrNotAcquired) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second waiter: got %v, want ErrNotAcquired and the context's cause", err)
		}
		began := time.Now()
		time.AfterFunc(2*time.Second, end)
		end, err = queue.Turn(t.Context(), lock, "a")
		if took := time.Since(began); err != nil || took != 2*time.Second {
			t.Errorf("%v after %s, want the turn after 2 s", err, took)
		}
		time.AfterFunc(time.Second, queue.Close)
		if _, err := queue.Turn(t.Context(), lock, "a"); !errors.Is(err, lease.ErrClosed) {
			t.Errorf("behind a queue that is closed: got %v, want ErrClosed", err)
		}
		end()
	})
}
