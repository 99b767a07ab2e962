package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ReleaseTimeout bounds a release: no caller waits long to let go of what ends by itself.
const ReleaseTimeout = 2 * time.Second

// Backend is where a lock is kept: in one Redis, or in most of several.
type Backend interface {
	// Acquire takes the lock, also when the owner has it already. Token 0 means that another has it, and wait is then
	// the time until something may change, 0 or less if that is unknown.
	Acquire(ctx context.Context, owner string, ttl time.Duration) (token uint64, wait time.Duration, err error)
	// Renew and Release report whether the lock was still the owner's.
	Renew(ctx context.Context, owner string, ttl time.Duration) (bool, error)
	Release(ctx context.Context, owner string) (bool, error)
}

// Lock is one attempt to hold a lock, and the lock once it is held. The exported fields are set before the attempt;
// token and lease are set by the attempt that succeeds, before the lock is handed to its user. All are only read from
// then on.
type Lock struct {
	Leases  *Set
	Backend Backend
	Name    string
	Owner   string
	TTL     time.Duration

	token uint64
	lease *Lease

	mu       sync.Mutex
	released bool  // guarded by mu
	outcome  error // guarded by mu: of the release that reached Redis
}

// Token is the fencing token, 0 before the lock is held.
func (l *Lock) Token() uint64 { return l.token }

// Context is for the work under the lock, see [Lease.Context].
func (l *Lock) Context() context.Context { return l.lease.ctx }

// TryAcquire tries once to take the lock. Where the error is [ErrNotAcquired], the duration is the time until something
// may change, 0 or less if that is unknown.
func (l *Lock) TryAcquire(ctx context.Context) (time.Duration, error) {
	sent := time.Now()
	token, wait, err := l.Backend.Acquire(ctx, l.Owner, l.TTL)
	if err == nil && token == 0 {
		err = ErrNotAcquired
	}
	if err != nil {
		return wait, fmt.Errorf("lockmgr: acquire %q: %w", l.Name, err)
	}
	l.token = token
	l.lease = Start(WithToken(ctx, token), sent, l.TTL, l.renew)
	if !l.Leases.Add(l.lease) {
		return 0, errors.Join(fmt.Errorf("lockmgr: acquire %q: %w", l.Name, ErrClosed), l.Release(ctx))
	}
	return 0, nil
}

func (l *Lock) renew(ctx context.Context) (bool, error) { return l.Backend.Renew(ctx, l.Owner, l.TTL) }

// Release ends the lease and sets the lock free, or returns [ErrLost] if it was no longer the owner's. The answer of a
// release that reached Redis stays the same; one that did not is tried anew at the next call.
func (l *Lock) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return l.outcome
	}
	l.Leases.End(l.lease)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ReleaseTimeout)
	defer cancel()
	freed, err := l.Backend.Release(ctx, l.Owner)
	if err != nil {
		return fmt.Errorf("lockmgr: release %q: %w", l.Name, err)
	}
	if !freed {
		l.outcome = fmt.Errorf("lockmgr: release %q: %w", l.Name, ErrLost)
	}
	l.released = true
	return l.outcome
}

// Run calls fn under the lock, and releases it also when fn panics. The error is that of fn, joined with that of the
// release.
func (l *Lock) Run(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() { err = errors.Join(err, l.Release(ctx)) }()
	work, end := l.lease.Within(WithToken(ctx, l.token))
	defer end()
	return fn(work)
}

type tokenKey struct{}

// WithToken returns ctx with a fencing token.
func WithToken(ctx context.Context, token uint64) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}

// Token is the fencing token in ctx, or 0 if there is none.
func Token(ctx context.Context) uint64 {
	token, _ := ctx.Value(tokenKey{}).(uint64)
	return token
}
