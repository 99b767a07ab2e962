package lockmgr

import (
	"context"
	"math"
)

// RWLock lets in any number of readers or one writer, over the whole fleet. Each has a lease of its own. While a writer
// waits, no more readers get in. It is safe for concurrent use.
type RWLock struct {
	manager *Manager
	name    string
	opts    []Option
}

// RWLock returns the readers-writer lock of that name. [TTL] applies to each holder. It has nothing to do with the
// plain lock of the same name. Bad arguments are [ErrInvalid] when the lock is asked for.
func (m *Manager) RWLock(name string, opts ...Option) *RWLock {
	return &RWLock{manager: m, name: name, opts: opts}
}

// Lock waits until nobody else is in, and keeps everybody out, as [Manager.Acquire] does.
func (l *RWLock) Lock(ctx context.Context) (*Lock, error) { return l.await(ctx, allPermits) }

// RLock waits until no writer is in, and keeps writers out.
func (l *RWLock) RLock(ctx context.Context) (*Lock, error) { return l.await(ctx, math.MaxInt32) }

// TryLock is Lock that does not wait: it returns [ErrNotAcquired] if anybody is in.
func (l *RWLock) TryLock(ctx context.Context) (*Lock, error) { return l.try(ctx, allPermits) }

// TryRLock is RLock that does not wait: it returns [ErrNotAcquired] if a writer is in or waits.
func (l *RWLock) TryRLock(ctx context.Context) (*Lock, error) { return l.try(ctx, math.MaxInt32) }

func (l *RWLock) await(ctx context.Context, permits int) (*Lock, error) {
	lock, form, err := l.manager.newPermit(rwPrefix, l.name, permits, wishLease, l.opts)
	if err != nil {
		return nil, err
	}
	return l.manager.hub.await(ctx, lock, form)
}

// try wishes for nothing: who does not wait keeps nobody waiting.
func (l *RWLock) try(ctx context.Context, permits int) (*Lock, error) {
	lock, _, err := l.manager.newPermit(rwPrefix, l.name, permits, 0, l.opts)
	if err != nil {
		return nil, err
	}
	return lock.try(ctx)
}
