// Package quorum gives locks that most of several independent Redis servers must grant: an outage, or the loss of the
// data, of fewer than half of them neither stops them nor lets a second holder in. This is the Redlock algorithm of the
// Redis documentation, with renewal and fencing tokens.
//
// Servers are independent if no two can fail together and none is another's replica. A server that may come back
// without its last writes (no AOF with fsync always) counts as failed until the longest TTL has passed.
//
// On each server the lock is the key lock:<name>, which [lockmgr.Manager] uses as well. A lock of that package on one
// of the servers takes the server's vote, and does not keep a quorum out that has the others: use one or the other for
// a name.
package quorum

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// minMembers is the least number of servers of which one may fail.
const minMembers = 3

// A waiter looks again after a pause between half of this and all of it, at random: two that tried at once, and each
// got a part, are apart the next time.
const pollPause = 50 * time.Millisecond

// Manager takes locks in most of several servers. It is safe for concurrent use.
type Manager struct {
	clients    []redis.UniversalClient
	leases     lease.Set         // of all that is held
	background lease.Background  // takes back what servers that did not answer may have granted
	local      *lease.LocalQueue // the waiters of this process; no message wakes them
	requests   requests          // to the servers
}

// New returns a manager of the locks in most of the servers. It needs clients of at least 3, none of them nil or there
// twice, or returns [lockmgr.ErrInvalid]; an even number works as well as the next lower odd one. The clients remain
// the caller's to close, after [Manager.Close]. Requests to a server that hangs end in the background with the client's
// time-outs.
func New(clients ...redis.UniversalClient) (*Manager, error) {
	if len(clients) < minMembers {
		return nil, fmt.Errorf("lockmgr: quorum: %w: %d servers, at least %d", lockmgr.ErrInvalid, len(clients), minMembers)
	}
	seen := map[redis.UniversalClient]bool{nil: true}
	for i, client := range clients {
		if seen[client] {
			return nil, fmt.Errorf("lockmgr: quorum: %w: client %d is nil or there twice", lockmgr.ErrInvalid, i)
		}
		seen[client] = true
	}
	return &Manager{clients: clients, local: lease.NewLocalQueue()}, nil
}

// Close ends every wait with [lockmgr.ErrClosed], and the renewal of what is still held: its contexts end with that
// cause, and it is free when its TTL ends or when it is released. It waits for requests to servers that hang. Closing
// twice is harmless.
func (m *Manager) Close() {
	m.leases.Close()
	m.local.Close()
	m.background.Close()
	m.requests.wait()
}

// TryAcquire takes the lock of that name, or returns [lockmgr.ErrNotAcquired] if another has it, or if several tried at
// once and none got most servers; [lockmgr.ErrInvalid] for bad arguments; or [lockmgr.ErrClosed]. If most servers do
// not answer, it returns another error, after three fifths of the TTL at the most (150 ms if that is longer), and never
// more than 3 s.
func (m *Manager) TryAcquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	if _, err := lock.core.TryAcquire(ctx); err != nil {
		return nil, err
	}
	return lock, nil
}

// Acquire waits for the lock of that name until ctx ends, which is [lockmgr.ErrNotAcquired] and the context's cause. It
// looks every 25 to 50 ms, one waiter of this process at a time. That most servers do not answer is an error at once,
// as in [Manager.TryAcquire]. A caller that gets an error leaves nothing behind, as with [lockmgr.Manager.Acquire]: a
// server that answers late gives its part back, and one that does not answer is asked again in the background. Locks
// are not reentrant.
func (m *Manager) Acquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	end, err := m.local.Turn(ctx, &lock.core, name)
	if err != nil {
		return nil, err
	}
	defer end()
	pause := func(time.Duration) time.Duration { return pollPause/2 + mathrand.N(pollPause/2) }
	if err := m.local.Contend(ctx, &lock.core, lease.Contention{Pause: pause}); err != nil {
		return nil, err
	}
	return lock, nil
}

// Do runs fn while it holds the lock of that name, for which it waits as [Manager.Acquire] does. The context of fn is
// ctx, ended early with the cause [lockmgr.ErrLockLost] when the lock is about to be lost; [lockmgr.Token] finds the
// fencing token in it. Do returns the error of fn, joined with that of the release; the errors of Acquire; and
// [lockmgr.ErrInvalid] if fn is nil.
func (m *Manager) Do(ctx context.Context, name string, fn func(context.Context) error, opts ...Option) error {
	if fn == nil {
		return fmt.Errorf("lockmgr: do %s: %w: no function", lease.Quote(name), lockmgr.ErrInvalid)
	}
	lock, err := m.Acquire(ctx, name, opts...)
	if err != nil {
		return err
	}
	return lock.core.Run(ctx, fn)
}

func (m *Manager) newLock(name string, opts []Option) (*Lock, error) {
	ttl, err := ttlOf(opts)
	if nameErr := lease.CheckName(name); nameErr != nil {
		err = nameErr
	}
	if err != nil {
		return nil, fmt.Errorf("lockmgr: lock %s: %w", lease.Quote(name), err)
	}
	return &Lock{core: lease.Lock{
		Leases: &m.leases, Background: &m.background, Backend: newBackend(m, lease.KeyPrefix+name, ttl), Name: name, TTL: ttl,
	}}, nil
}
