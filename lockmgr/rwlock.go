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
// plain lock of the same name. Bad arguments, and [Fair] is one, are [ErrInvalid] when the lock is asked for.
func (m *Manager) RWLock(name string, opts ...Option) *RWLock {
	return &RWLock{manager: m, name: name, opts: opts}
}

// Lock waits until there is no other holder, and keeps all others out. It waits as [Manager.Acquire] does, with the
// same errors.
func (l *RWLock) Lock(ctx context.Context) (*Lock, error) { return l.await(ctx, allPermits) }

// RLock waits until no writer is in, and keeps writers out. It waits as [Manager.Acquire] does, with the same errors.
func (l *RWLock) RLock(ctx context.Context) (*Lock, error) { return l.await(ctx, math.MaxInt32) }

// TryLock is Lock without the wait: it returns [ErrNotAcquired] if there is any other holder. Its other errors are
// those of [Manager.TryAcquire].
func (l *RWLock) TryLock(ctx context.Context) (*Lock, error) { return l.try(ctx, allPermits) }

// TryRLock is RLock without the wait: it returns [ErrNotAcquired] if a writer is in or waits. Its other errors are
// those of [Manager.TryAcquire].
func (l *RWLock) TryRLock(ctx context.Context) (*Lock, error) { return l.try(ctx, math.MaxInt32) }

func (l *RWLock) await(ctx context.Context, permits int) (*Lock, error) {
	lock, backend, err := l.manager.newPermit(rwPrefix, l.name, permits, intentTTL, l.opts)
	if err != nil {
		return nil, err
	}
	return l.manager.await(ctx, lock, backend)
}

// try leaves no intent: a caller that does not wait must keep no reader out.
func (l *RWLock) try(ctx context.Context, permits int) (*Lock, error) {
	lock, _, err := l.manager.newPermit(rwPrefix, l.name, permits, 0, l.opts)
	if err != nil {
		return nil, err
	}
	return lock.try(ctx)
}
