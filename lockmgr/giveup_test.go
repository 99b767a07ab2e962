package lockmgr_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// taking is a way to take something that a caller may give up.
type taking struct {
	take func(ctx context.Context, locks *lockmgr.Manager, name string) error
	// before, so that the caller must wait
	hold func(ctx context.Context, locks *lockmgr.Manager, name string) (*lockmgr.Lock, error)
	keys []string // none of which may be left
}

var takings = map[string]taking{
	"lock": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error { return release(l.Acquire(ctx, a)) },
		keys: []string{"lock:%s"},
	},
	"lock, without waiting": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error { return release(l.TryAcquire(ctx, a)) },
		keys: []string{"lock:%s"},
	},
	"fair lock": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error {
			return release(l.Acquire(ctx, a, lockmgr.Fair()))
		},
		keys: []string{"lock:%s", "{lock:%s}:queue", "{lock:%s}:waiters"},
	},
	"fair queue": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error {
			return release(l.Acquire(ctx, a, lockmgr.Fair()))
		},
		hold: func(ctx context.Context, l *lockmgr.Manager, a string) (*lockmgr.Lock, error) {
			return l.TryAcquire(ctx, a)
		},
		keys: []string{"{lock:%s}:queue", "{lock:%s}:waiters"},
	},
	"semaphore": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error {
			return release(l.Semaphore(a, 2).Acquire(ctx))
		},
		keys: []string{"semaphore:%s"},
	},
	"reader": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error { return release(l.RWLock(a).RLock(ctx)) },
		keys: []string{"rwlock:%s"},
	},
	"writer": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error { return release(l.RWLock(a).Lock(ctx)) },
		keys: []string{"rwlock:%s", "{rwlock:%s}:wish"},
	},
	"writer's intent": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error { return release(l.RWLock(a).Lock(ctx)) },
		hold: func(ctx context.Context, l *lockmgr.Manager, a string) (*lockmgr.Lock, error) {
			return l.RWLock(a).RLock(ctx)
		},
		keys: []string{"{rwlock:%s}:wish"},
	},
	"once": {
		take: func(ctx context.Context, l *lockmgr.Manager, a string) error {
			_, _, err := l.Once(ctx, a, "f", func(context.Context) ([]byte, error) { return nil, errors.New("it ran") })
			return err
		},
		keys: []string{"once:%s"},
	},
}

func release(lock *lockmgr.Lock, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(errors.New("it was taken"), lock.Release(context.Background()))
}

// struck is a server, a client of it through a proxy, and one past it.
type struck struct {
	proxy  *locktest.Proxy
	locks  *lockmgr.Manager
	direct *redis.Client
	name   string // of what is taken
}

// newStruck loads the scripts, so that each is one request. Contexts are honoured by the client or not.
func newStruck(t *testing.T, honoured bool) struck {
	t.Helper()
	server := redistest.Shared(t)
	proxy := locktest.NewProxy(t, server.Addr)
	rdb := redis.NewClient(&redis.Options{
		Addr: proxy.Addr, ContextTimeoutEnabled: honoured, MaxRetries: -1, ReadTimeout: 300 * time.Millisecond,
	})
	t.Cleanup(func() { _ = rdb.Close() })
	s := struck{proxy: proxy, locks: newManager(t, rdb), direct: server.Client(t), name: redistest.Namespace()}
	warm := newManager(t, s.direct)
	for _, taking := range takings {
		_ = taking.take(t.Context(), warm, s.name+":warm")
	}
	return s
}

// left reports how many of the keys there are.
func (s struck) left(t *testing.T, keys ...string) int64 {
	named := make([]string, len(keys))
	for i, key := range keys {
		named[i] = fmt.Sprintf(key, s.name)
	}
	return s.direct.Exists(t.Context(), named...).Val()
}

// givesUp takes something whose script meets a fault, until its context ends.
func (s struck) givesUp(t *testing.T, taking taking, fault locktest.Fault, end func() (context.Context, func())) {
	t.Helper()
	if taking.hold != nil {
		_, err := taking.hold(t.Context(), newManager(t, s.direct), s.name)
		locktest.Must(t, err)
	}
	done := s.proxy.Strike(fault)
	ctx, cancel := end()
	defer cancel()
	began := time.Now()
	err := taking.take(ctx, s.locks, s.name)
	// The deadline of the connection is the context's, and may be noticed a moment earlier.
	ended := ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)
	if err == nil || fault != locktest.LostReply && !ended {
		t.Errorf("got %v before its context ended", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("gave up after %s", took)
	}
	if fault == locktest.LateRequest {
		locktest.Eventually(t, "the attempt is withdrawn", func() bool {
			return len(s.direct.Keys(t.Context(), "*"+s.name+"}:withdrawn:*").Val()) == 1
		})
	}
	s.proxy.Heal()
	locktest.Receive(t, "the server has carried it out", done)
	if fault == locktest.LateRequest && s.left(t, taking.keys...) > 0 {
		t.Error("what arrived late was carried out")
	}
	locktest.Eventually(t, "nothing is left behind", func() bool { return s.left(t, taking.keys...) == 0 })
}

func TestGivingUpLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	faults := map[string]locktest.Fault{
		"late reply": locktest.LateReply, "lost reply": locktest.LostReply, "late request": locktest.LateRequest,
	}
	for what, taking := range takings {
		for name, fault := range faults {
			for _, honoured := range []bool{true, false} {
				t.Run(what+", "+name+map[bool]string{true: ", contexts honoured"}[honoured], func(t *testing.T) {
					t.Parallel()
					s := newStruck(t, honoured)
					s.givesUp(t, taking, fault, func() (context.Context, func()) {
						return context.WithTimeout(t.Context(), 100*time.Millisecond)
					})
				})
			}
		}
	}
}

// No client library ends a request when its context is cancelled.
func TestCancelledCallersLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	for what, taking := range takings {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newStruck(t, true)
			s.givesUp(t, taking, locktest.LateReply, func() (context.Context, func()) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(50*time.Millisecond, cancel)
				return ctx, cancel
			})
		})
	}
}

// Nothing is under way here: the callers wait behind a holder.
func TestWaitersThatGiveUpLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	for what, taking := range takings {
		if taking.hold == nil {
			continue
		}
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newStruck(t, true)
			_, err := taking.hold(t.Context(), newManager(t, s.direct), s.name)
			locktest.Must(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := taking.take(ctx, s.locks, s.name); !errors.Is(err, lockmgr.ErrNotAcquired) {
				t.Errorf("got %v, want ErrNotAcquired", err)
			}
			locktest.Eventually(t, "nothing is left behind", func() bool { return s.left(t, taking.keys...) == 0 })
		})
	}
}

func TestReleaseThatDoesNotArriveIsRepeated(t *testing.T) {
	t.Parallel()
	s := newStruck(t, true)
	lock := mustTake(t, s.locks, s.name, lockmgr.TTL(time.Minute))
	s.proxy.Strike(locktest.LateRequest)
	if err := lock.Release(t.Context()); err == nil || errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("got %v, want the time-out", err)
	}
	locktest.Eventually(t, "the lock is free", func() bool { return s.left(t, "lock:%s") == 0 })
	locktest.Eventually(t, "the release has its answer", func() bool { return lock.Release(t.Context()) == nil })
}

func TestOutcomeOfOnceThatDoesNotArriveIsRepeated(t *testing.T) {
	t.Parallel()
	s := newStruck(t, true)
	result, _, err := s.locks.Once(t.Context(), s.name, "f", func(context.Context) ([]byte, error) {
		s.proxy.Strike(locktest.LateRequest)
		return []byte("paid"), nil
	})
	if string(result) != "paid" || err == nil {
		t.Errorf("got %q, %v: want the result and the failure to record it", result, err)
	}
	locktest.Eventually(t, "the result is recorded", func() bool {
		result, replayed, err := s.locks.Once(t.Context(), s.name, "f", unreachable(t))
		return string(result) == "paid" && replayed && err == nil
	})
}

func TestLocksAreNotReentrant(t *testing.T) {
	t.Parallel()
	locks, _, name := setup(t)
	held := mustTake(t, locks, name)
	ctx, cancel := context.WithTimeout(held.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := locks.Acquire(ctx, name); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("a lock within itself: got %v, want ErrNotAcquired", err)
	}
	_, _, err := locks.Once(t.Context(), name, "f", func(ctx context.Context) ([]byte, error) {
		_, _, err := locks.Once(ctx, name, "f", unreachable(t))
		return nil, err
	})
	if !errors.Is(err, lockmgr.ErrInProgress) {
		t.Errorf("Once within itself: got %v, want ErrInProgress", err)
	}
}
