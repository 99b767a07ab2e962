package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
	"github.com/navvy-go/navvy/lockmgr/quorum"
)

// members is a number of servers of a test's own.
type members struct {
	*testing.T
	servers []*redistest.Server
	clients []redis.UniversalClient
}

func newMembers(t *testing.T, n int) *members {
	t.Helper()
	m := &members{T: t}
	for range n {
		server := redistest.New(t)
		m.servers = append(m.servers, server)
		m.clients = append(m.clients, m.client(server))
	}
	return m
}

// client returns one that gives up soon, so that tests need not wait for it.
func (m *members) client(server *redistest.Server) *redis.Client {
	rdb := redis.NewClient(&redis.Options{
		Addr: server.Addr, MaxRetries: -1, DialerRetries: 1, ReadTimeout: 500 * time.Millisecond,
	})
	m.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func (m *members) quorum() *quorum.Manager {
	m.Helper()
	q, err := quorum.New(m.clients...)
	locktest.Must(m.T, err)
	m.Cleanup(q.Close)
	return q
}

func (m *members) take(q *quorum.Manager, opts ...quorum.Option) *quorum.Lock {
	m.Helper()
	lock, err := q.TryAcquire(m.Context(), "a", opts...)
	locktest.Must(m.T, err)
	return lock
}

// freeze stops servers as a hanging disk would.
func (m *members) freeze(servers ...*redistest.Server) (thaw func()) {
	m.Helper()
	thaw = func() {
		for _, s := range servers {
			_ = syscall.Kill(s.PID(), syscall.SIGCONT)
		}
	}
	for _, s := range servers {
		locktest.Must(m.T, syscall.Kill(s.PID(), syscall.SIGSTOP))
	}
	m.Cleanup(thaw)
	return thaw
}

func TestQuorumLetsOneInAtATime(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	ctx := locktest.Bounded(t)
	var inside atomic.Int64
	var last uint64 // guarded by the lock under test
	var wg sync.WaitGroup
	for range 3 {
		q := m.quorum()
		for range 5 {
			wg.Go(func() {
				for range 4 {
					err := q.Do(ctx, "a", func(ctx context.Context) error {
						if n := inside.Add(1); n != 1 {
							t.Errorf("%d holders at once", n)
						}
						if token := lockmgr.Token(ctx); token <= last {
							t.Errorf("token %d after %d", token, last)
						}
						last = lockmgr.Token(ctx)
						inside.Add(-1)
						return ctx.Err()
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}

func TestQuorumExcludesAndIsRenewed(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	q, other := m.quorum(), m.quorum()
	lock := m.take(q, quorum.TTL(time.Second))
	until := time.Now().Add(2200 * time.Millisecond)
	locktest.Eventually(t, "two TTLs pass", func() bool {
		if _, err := other.TryAcquire(t.Context(), "a"); !errors.Is(err, lockmgr.ErrNotAcquired) {
			t.Fatalf("a second holder: got %v, want ErrNotAcquired", err)
		}
		return time.Now().After(until)
	})
	for range 2 {
		locktest.Must(t, lock.Release(t.Context()))
	}
	if cause := context.Cause(lock.Context()); cause != context.Canceled {
		t.Errorf("the context ended with %v", cause)
	}
	locktest.Must(t, m.take(other).Release(t.Context()))
}

// outage is one of some of the servers.
type outage struct {
	servers int
	hung    bool // or else killed
}

func TestQuorumOutlivesAMinority(t *testing.T) {
	t.Parallel()
	for _, test := range []outage{{3, true}, {5, false}} {
		n, hung := test.servers, test.hung
		t.Run(fmt.Sprintf("%d, hung %t", n, hung), func(t *testing.T) {
			t.Parallel()
			m := newMembers(t, n)
			q := m.quorum()
			held, err := q.TryAcquire(t.Context(), "held", quorum.TTL(time.Second))
			locktest.Must(t, err)
			minority := m.servers[:(n-1)/2]
			thaw := func() {}
			if hung {
				thaw = m.freeze(minority...)
			} else {
				for _, server := range minority {
					server.Kill()
				}
			}
			began := time.Now()
			lock := m.take(q, quorum.TTL(2*time.Second)) // a server that hung may keep its part as long
			took := time.Since(began)
			locktest.Must(t, lock.Release(t.Context()))
			if took > time.Second {
				t.Errorf("taken in %s without a minority", took)
			}
			until := began.Add(2200 * time.Millisecond)
			locktest.Eventually(t, "two TTLs pass", func() bool {
				if held.Context().Err() != nil {
					t.Fatalf("what was held before ended with %v", context.Cause(held.Context()))
				}
				return time.Now().After(until)
			})
			locktest.Must(t, held.Release(t.Context()))
			thaw()
			if hung {
				locktest.Eventually(t, "the minority lets go", func() bool {
					return m.clients[0].Exists(t.Context(), "lock:held", "lock:a").Val() == 0
				})
			}
		})
	}
}

func TestQuorumRefusesWithoutAMajority(t *testing.T) {
	t.Parallel()
	for _, test := range []outage{{3, false}, {5, true}} {
		n, hung := test.servers, test.hung
		t.Run(fmt.Sprintf("%d, hung %t", n, hung), func(t *testing.T) {
			t.Parallel()
			m := newMembers(t, n)
			q := m.quorum()
			ttl := quorum.TTL(time.Second)
			held, err := q.TryAcquire(t.Context(), "held", ttl)
			locktest.Must(t, err)
			ended := make(chan time.Time, 1)
			context.AfterFunc(held.Context(), func() { ended <- time.Now() })
			majority := m.servers[:n/2+1]
			struck := time.Now()
			if hung {
				m.freeze(majority...)
			} else {
				for _, server := range majority {
					server.Kill()
				}
			}
			_, err = q.Acquire(locktest.Bounded(t), "a", ttl)
			if err == nil || errors.Is(err, lockmgr.ErrNotAcquired) {
				t.Errorf("got %v, want the reason why most servers do not answer", err)
			}
			if took := time.Since(struck); took > 2*time.Second {
				t.Errorf("refused after %s", took)
			}
			if took := locktest.Receive(t, "the held one ends", ended).Sub(struck); took > 1500*time.Millisecond {
				t.Errorf("the held one ended %s after the servers, its TTL is 1 s", took)
			}
			if cause := context.Cause(held.Context()); !errors.Is(cause, lockmgr.ErrLockLost) {
				t.Errorf("the held one ended with %v, want ErrLockLost", cause)
			}
			if err := held.Release(t.Context()); err == nil || errors.Is(err, lockmgr.ErrLockLost) {
				t.Errorf("Release: got %v, want that it is unknown", err)
			}
		})
	}
}

// The token is greater also where the two holders have one server in common, and the clock of another is far ahead.
func TestQuorumsTokensGrow(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	q := m.quorum()
	ahead := uint64(time.Now().Add(time.Hour).UnixMicro())
	m.clients[0].Set(t.Context(), "{lock:a}:fence", ahead, 0)
	m.servers[2].Stop()
	first := m.take(q)
	locktest.Must(t, first.Release(t.Context()))
	if first.Token() <= ahead {
		t.Errorf("token %d after %d", first.Token(), ahead)
	}
	m.servers[0].Stop()
	locktest.Must(t, m.servers[2].Restart())
	locktest.Eventually(t, "the server is back", func() bool { return m.clients[2].Ping(t.Context()).Err() == nil })
	second := m.take(q)
	if second.Token() <= first.Token() {
		t.Errorf("token %d after %d", second.Token(), first.Token())
	}
}

func TestQuorumsLockIsMendedWhereItWasLost(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	q := m.quorum()
	lock := m.take(q, quorum.TTL(2*time.Second))
	for i, server := range m.servers { // one after the other, all lose their data
		server.Kill()
		locktest.Must(t, server.Restart())
		locktest.Eventually(t, "the server has its part again", func() bool {
			return m.clients[i].Exists(t.Context(), "lock:a").Val() == 1
		})
	}
	locktest.Must(t, lock.Release(t.Context()))
}

func TestQuorumReleaseReportsThatTheLockWasLost(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	lock := m.take(m.quorum())
	for _, rdb := range m.clients[:2] {
		rdb.Set(t.Context(), "lock:a", "another", time.Minute)
	}
	for range 2 {
		if err := lock.Release(t.Context()); !errors.Is(err, lockmgr.ErrLockLost) {
			t.Errorf("got %v, want ErrLockLost", err)
		}
	}
}

func TestQuorumRefusesBadInput(t *testing.T) {
	t.Parallel()
	rdb, another := redistest.Shared(t).Client(t), redistest.Shared(t).Client(t)
	for what, clients := range map[string][]redis.UniversalClient{
		"no client": nil, "one client": {rdb}, "two clients": {rdb, another},
		"one client three times": {rdb, rdb, rdb}, "a nil client": {rdb, nil, another},
	} {
		t.Run(what, func(t *testing.T) {
			if _, err := quorum.New(clients...); !errors.Is(err, lockmgr.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
	q := newMembers(t, 3).quorum()
	none := func(context.Context) error { t.Error("the function ran"); return nil }
	for what, test := range map[string]struct {
		name string
		fn   func(context.Context) error
		opts []quorum.Option
	}{
		"no name":     {"", none, nil},
		"odd brace":   {"a}b", none, nil},
		"low TTL":     {"a", none, []quorum.Option{quorum.TTL(lockmgr.MinTTL - 1)}},
		"nil option":  {"a", none, []quorum.Option{nil}},
		"no function": {"a", nil, nil},
	} {
		t.Run(what, func(t *testing.T) {
			if err := q.Do(locktest.Bounded(t), test.name, test.fn, test.opts...); !errors.Is(err, lockmgr.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

func TestQuorumCloseEndsHoldersAndWaiters(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	q := m.quorum()
	held := m.take(q)
	waited, ctx := make(chan error, 2), locktest.Bounded(t)
	for range 2 { // one contends, and one waits behind it
		go func() {
			_, err := q.Acquire(ctx, "a")
			waited <- err
		}()
	}
	q.Close()
	for range 2 {
		if err := locktest.Receive(t, "the waiter returns", waited); !errors.Is(err, lockmgr.ErrClosed) {
			t.Errorf("waiter: got %v, want ErrClosed", err)
		}
	}
	if cause := context.Cause(held.Context()); !errors.Is(cause, lockmgr.ErrClosed) {
		t.Errorf("holder: context ended with %v, want ErrClosed", cause)
	}
	locktest.Must(t, held.Release(t.Context()))
	if _, err := q.TryAcquire(t.Context(), "b"); !errors.Is(err, lockmgr.ErrClosed) {
		t.Errorf("TryAcquire after Close: got %v, want ErrClosed", err)
	}
}

func TestQuorumAcquireEndsWithItsContext(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	q := m.quorum()
	held := m.take(q)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := q.Acquire(ctx, "a")
	if !errors.Is(err, lockmgr.ErrNotAcquired) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want ErrNotAcquired and the context's cause", err)
	}
	locktest.Must(t, held.Release(t.Context()))
}

// A lock of lockmgr on one server takes that server's vote alone, and a quorum that has all servers keeps it out.
func TestQuorumAndManagersShareTheKey(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	q := m.quorum()
	locks := lockmgr.New(m.clients[0])
	t.Cleanup(locks.Close)
	theirs, err := locks.TryAcquire(t.Context(), "a")
	locktest.Must(t, err)
	ours := m.take(q)
	if ours.Name() != "a" || lockmgr.Token(ours.Context()) != ours.Token() {
		t.Errorf("lock %q with token %d, %d in its context", ours.Name(), ours.Token(), lockmgr.Token(ours.Context()))
	}
	locktest.Must(t, ours.Release(t.Context()))
	locktest.Must(t, theirs.Release(t.Context()))
	ours = m.take(q)
	if _, err := locks.TryAcquire(t.Context(), "a"); !errors.Is(err, lockmgr.ErrNotAcquired) {
		t.Errorf("a manager beside the quorum: got %v, want ErrNotAcquired", err)
	}
	locktest.Must(t, ours.Release(t.Context()))
}
