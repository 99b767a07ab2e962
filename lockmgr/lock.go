package lockmgr

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// releaseLimit bounds a release: nobody waits for long to let go of what ends by itself.
const releaseLimit = 2 * time.Second

// Lock is a lock, or a permit of a [Semaphore] or an [RWLock], that this process took. It is renewed until it is
// released. It is safe for concurrent use.
type Lock struct {
	leases *leases
	seat   seat
	name   string
	owner  string
	ttl    time.Duration

	token uint64
	lease *lease

	mu       sync.Mutex
	released bool
	outcome  error // of the release that reached Redis
}

// seat is where a lock is kept: in one Redis, or in most of several.
type seat interface {
	// take takes the lock, also when the owner has it already. Token 0 says that another has it, and the duration when
	// something may change, if that is known.
	take(ctx context.Context, owner string, ttl time.Duration) (token uint64, wait time.Duration, err error)
	// renew and release report whether the lock was still the owner's.
	renew(ctx context.Context, owner string, ttl time.Duration) (bool, error)
	release(ctx context.Context, owner string) (bool, error)
}

// Name is what the lock was taken under.
func (l *Lock) Name() string { return l.name }

// Token is the fencing token: greater than that of every holder before, also of those whose lock expired. A store that
// refuses writes with a lower token than it has seen is safe from a holder that was paused past its TTL. Tokens are the
// microseconds of Redis' clock or the last token plus one, whichever is greater, so a failover that loses the last
// token keeps the order as long as the new master's clock is not behind. The last token is remembered for 7 days.
func (l *Lock) Token() uint64 { return l.token }

// Context is for the work under the lock. It has the values of the context that the lock was acquired with, but not its
// end. It ends with the cause [ErrLockLost] a tenth of the TTL before the lock can end in Redis, counted by this
// process' monotonic clock from before the lock was asked for or renewed; and with [context.Canceled] at the release.
func (l *Lock) Context() context.Context { return l.lease.ctx }

// Release ends the lock's context and the renewal, and sets the lock free for others if it is still the holder's own,
// or returns [ErrLockLost]. It may be called again: the answer stays the same, and a release that did not reach Redis
// is tried anew. It works with a context that has already ended, so that it can be deferred: it gives up after 2 s of
// its own, or at the client's time-outs if they are later. Where the connection broke during the release, ErrLockLost
// may also mean that Redis had carried it out.
func (l *Lock) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return l.outcome
	}
	l.leases.drop(l.lease)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	freed, err := l.seat.release(ctx, l.owner)
	if err != nil {
		return fmt.Errorf("lockmgr: release %q: %w", l.name, err)
	}
	if !freed {
		l.outcome = fmt.Errorf("lockmgr: release %q: %w", l.name, ErrLockLost)
	}
	l.released = true
	return l.outcome
}

func (l *Lock) try(ctx context.Context) (*Lock, error) {
	if _, err := l.take(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// take tries once to take the lock. Where it is refused, the duration says when something may change, if that is known.
func (l *Lock) take(ctx context.Context) (time.Duration, error) {
	sent := time.Now()
	token, wait, err := l.seat.take(ctx, l.owner, l.ttl)
	if err == nil && token == 0 {
		err = ErrNotAcquired
	}
	if err != nil {
		return wait, fmt.Errorf("lockmgr: acquire %q: %w", l.name, err)
	}
	l.token = token
	l.lease = startLease(withToken(ctx, token), sent, l.ttl, l.renew)
	if !l.leases.keep(l.lease) {
		return 0, errors.Join(fmt.Errorf("lockmgr: acquire %q: %w", l.name, ErrClosed), l.Release(ctx))
	}
	return 0, nil
}

func (l *Lock) renew(ctx context.Context) (bool, error) {
	return l.seat.renew(ctx, l.owner, l.ttl)
}

type tokenKey struct{}

func withToken(ctx context.Context, token uint64) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}

// Token is the fencing token of the lock that the context's work runs under, see [Lock.Token], or 0 if there is none.
// The contexts of [Lock.Context], [Manager.Do] and [Manager.Once] carry it.
func Token(ctx context.Context) uint64 {
	token, _ := ctx.Value(tokenKey{}).(uint64)
	return token
}
