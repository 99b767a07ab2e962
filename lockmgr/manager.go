package lockmgr

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/redis/go-redis/v9"
)

const ownerBytes = 16

// Manager takes locks in one Redis. It is safe for concurrent use.
type Manager struct {
	hub    *hub
	leases leases
}

// New returns a manager of the locks in rdb. The client remains the caller's to close, after [Manager.Close].
func New(rdb redis.UniversalClient) *Manager {
	return &Manager{hub: newHub(rdb)}
}

// Close ends every wait with [ErrClosed], the subscription that waiters share, and the renewal of what is still held:
// its contexts end with the cause ErrClosed, and it is free when its TTL ends or when it is released. Closing twice is
// harmless. A manager whose locks are all released, and on which nobody ever had to wait, holds nothing to close.
func (m *Manager) Close() {
	m.leases.close()
	m.hub.close()
}

// TryAcquire takes the lock of that name, or returns [ErrNotAcquired] at once if another holds it.
// After any other error the lock may be taken until its TTL ends.
func (m *Manager) TryAcquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, _, err := newLock(&m.leases, name, opts)
	if err != nil {
		return nil, err
	}
	lock.seat = m.hub.lockForm(name) // who does not wait stands in no queue
	return lock.try(ctx)
}

// Acquire waits for the lock of that name until ctx ends, which is [ErrNotAcquired] and the context's cause.
// It is woken when the lock is released or its TTL ends, and looks by itself every 100 to 200 ms (with [Fair], every
// half second to second), for holders that wake nobody. After any other error the lock may be taken until its TTL ends.
func (m *Manager) Acquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, o, err := newLock(&m.leases, name, opts)
	if err != nil {
		return nil, err
	}
	form := m.hub.lockForm(name)
	if o.fair {
		form = m.hub.fairForm(name)
	}
	lock.seat = form
	return m.hub.await(ctx, lock, form)
}

// newLock prepares a lock that has yet to be given its seat.
func newLock(leases *leases, name string, opts []Option) (*Lock, options, error) {
	o, err := newOptions(opts)
	if nameErr := checkName(name); nameErr != nil {
		err = nameErr
	}
	if err != nil {
		return nil, o, fmt.Errorf("lockmgr: lock %s: %w", quote(name), err)
	}
	return &Lock{leases: leases, name: name, owner: newOwner(), ttl: o.ttl}, o, nil
}

// newOwner returns 128 random bits. crypto/rand never fails: it ends the process instead.
func newOwner() string {
	var owner [ownerBytes]byte
	_, _ = rand.Read(owner[:])
	return hex.EncodeToString(owner[:])
}
