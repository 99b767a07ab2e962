package lockmgr

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// Manager takes locks in one Redis. It is safe for concurrent use.
type Manager struct {
	rdb        redis.UniversalClient
	leases     lease.Set         // of all that is held
	background lease.Background  // takes back what callers left that gave up
	local      *lease.LocalQueue // the waiters of this process
	notifier   *notifier         // wakes them
}

// New returns a manager of the locks in rdb. The client remains the caller's to close, after [Manager.Close]. That of a
// cluster gets a hook by which it reads the cluster's map again when a command fails.
func New(rdb redis.UniversalClient) *Manager {
	redisx.Follow(rdb)
	return &Manager{rdb: rdb, local: lease.NewLocalQueue(), notifier: newNotifier(rdb)}
}

// Close ends every wait with [ErrClosed], the subscription that waiters share, and the renewal of what is still held:
// its contexts end with the cause ErrClosed, and it is free when its TTL ends or when it is released. It waits up to 2
// s for what is being taken back of callers that gave up. Closing twice is harmless. A manager whose locks are all
// released, and whose callers never had to wait, holds nothing to close.
func (m *Manager) Close() {
	m.leases.Close()
	m.local.Close()
	m.background.Close()
	m.notifier.close()
}

// TryAcquire takes the lock of that name, or returns [ErrNotAcquired] at once if another holds it, [ErrInvalid] for bad
// arguments, or [ErrClosed]. After any other error, the end of ctx is one, the lock is not the caller's, see
// [Manager.Acquire]. [Fair] changes nothing here: a caller that does not wait enters no queue.
func (m *Manager) TryAcquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, _, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	lock.core.Backend = m.lockBackend(name)
	return lock.try(ctx)
}

// Acquire waits for the lock of that name until ctx ends, which is [ErrNotAcquired] and the context's cause. It returns
// [ErrInvalid] for bad arguments, and [ErrClosed] if the manager is closed before or meanwhile.
//
// A caller that gets an error has nothing, and leaves nothing behind: the lock, or the place in the queue, that a late
// answer of Redis grants is taken back, and a request that arrives late is refused. That is done in the background,
// repeated while Redis does not answer, and lost only with the process; then the TTL ends what was left.
//
// Locks are not reentrant: a holder that asks for its lock again waits for itself until ctx ends.
//
// A waiter is woken when the lock is released or its TTL ends, and looks by itself every 100 to 200 ms (with [Fair],
// every half second to second), for holders that wake no waiter.
func (m *Manager) Acquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, o, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	backend := m.lockBackend(name)
	if o.fair {
		backend = m.fairBackend(name)
	}
	return m.await(ctx, lock, backend)
}

// newLock prepares a lock that has yet to be given its backend.
func (m *Manager) newLock(name string, opts []Option) (*Lock, options, error) {
	o, err := newOptions(opts)
	if nameErr := lease.CheckName(name); nameErr != nil {
		err = nameErr
	}
	if err != nil {
		return nil, o, fmt.Errorf("lockmgr: lock %s: %w", lease.Quote(name), err)
	}
	return &Lock{core: lease.Lock{
		Leases: &m.leases, Background: &m.background, Name: name, Owner: lease.NewOwner(o.ttl), TTL: o.ttl,
	}}, o, nil
}
