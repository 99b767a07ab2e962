package lockmgr

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

const ownerBytes = 16

// Manager takes locks in one Redis. It is safe for concurrent use.
type Manager struct {
	rdb redis.UniversalClient
	hub *hub

	mu     sync.Mutex
	closed bool
	leases map[*lease]struct{}
}

// New returns a manager of the locks in rdb. The client remains the caller's to close, after [Manager.Close].
func New(rdb redis.UniversalClient) *Manager {
	return &Manager{rdb: rdb, hub: newHub(rdb), leases: map[*lease]struct{}{}}
}

// Close ends every wait with [ErrClosed], the subscription that waiters share, and the renewal of what is still held:
// its contexts end with the cause ErrClosed, and it is free when its TTL ends or when it is released. Closing twice is
// harmless. A manager whose locks are all released, and on which nobody ever had to wait, holds nothing to close.
func (m *Manager) Close() {
	m.mu.Lock()
	leases := m.leases
	m.leases, m.closed = nil, true
	m.mu.Unlock()
	for lease := range leases {
		lease.halt(ErrClosed)
	}
	m.hub.close()
}

// TryAcquire takes the lock of that name, or returns [ErrNotAcquired] at once if another holds it.
// After any other error the lock may be taken until its TTL ends.
func (m *Manager) TryAcquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	lock.form = lockForm(name) // who does not wait stands in no queue
	return m.try(ctx, lock)
}

// Acquire waits for the lock of that name until ctx ends, which is [ErrNotAcquired] and the context's cause.
// It is woken when the lock is released or its TTL ends, and looks by itself every 100 to 200 ms (with [Fair], every
// half second to second), for holders that wake nobody. After any other error the lock may be taken until its TTL ends.
func (m *Manager) Acquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	return m.await(ctx, lock)
}

func (m *Manager) try(ctx context.Context, lock *Lock) (*Lock, error) {
	if _, err := lock.take(ctx); err != nil {
		return nil, err
	}
	return lock, nil
}

func (m *Manager) newLock(name string, opts []Option) (*Lock, error) {
	o, err := newOptions(opts)
	if nameErr := checkName(name); nameErr != nil {
		err = nameErr
	}
	if err != nil {
		return nil, fmt.Errorf("lockmgr: lock %q: %w", name, err)
	}
	lock := &Lock{manager: m, name: name, owner: newOwner(), ttl: o.ttl, fair: o.fair, form: lockForm(name)}
	if o.fair {
		lock.form = fairForm(name)
	}
	return lock, nil
}

// keep remembers a lease for [Manager.Close], and reports false if that came first.
func (m *Manager) keep(lease *lease) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.leases[lease] = struct{}{}
	return true
}

// drop ends a lease in good order.
func (m *Manager) drop(lease *lease) {
	m.mu.Lock()
	delete(m.leases, lease)
	m.mu.Unlock()
	lease.halt(context.Canceled)
}

// newOwner returns 128 random bits. crypto/rand never fails: it ends the process instead.
func newOwner() string {
	var owner [ownerBytes]byte
	_, _ = rand.Read(owner[:])
	return hex.EncodeToString(owner[:])
}
