package lockmgr

import (
	"context"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// Lock is a lock, or a permit of a [Semaphore] or an [RWLock], that this process took. It is renewed until it is
// released. It is safe for concurrent use.
type Lock struct {
	core lease.Lock
}

// Name is the name that the lock was taken under.
func (l *Lock) Name() string { return l.core.Name }

// Token is the fencing token: greater than that of every holder before, also of those whose lock expired. A store that
// refuses writes with a lower token than it has seen is safe from a holder that was paused past its TTL. Tokens are the
// microseconds of Redis' clock or the last token plus one, whichever is greater, so a failover that loses the last
// token keeps the order as long as the new master's clock is not behind. The last token is remembered for 7 days.
func (l *Lock) Token() uint64 { return l.core.Token() }

// Context is for the work under the lock. It has the values of the context that the lock was acquired with, but not its
// end. It ends with the cause [ErrLockLost] a tenth of the TTL before the lock can end in Redis, counted by this
// process' monotonic clock from before the lock was asked for or renewed; with [context.Canceled] at the release; and
// with [ErrClosed] when the manager is closed.
func (l *Lock) Context() context.Context { return l.core.Context() }

// Release ends the lock's context and the renewal, and sets the lock free for others if it is still the holder's own,
// or returns [ErrLockLost]. It may be called again: the answer stays the same, and a release that did not reach Redis
// is tried anew. It works with a context that has already ended, so that it can be deferred: it gives up after 2 s of
// its own, or at the client's time-outs if they are later. Where the connection broke during the release, ErrLockLost
// may also mean that Redis had carried it out.
func (l *Lock) Release(ctx context.Context) error { return l.core.Release(ctx) }

// try tries once to take the lock, and returns it or [ErrNotAcquired].
func (l *Lock) try(ctx context.Context) (*Lock, error) {
	if _, err := l.core.TryAcquire(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Token is the fencing token of the lock that the context's work runs under, see [Lock.Token], or 0 if there is none.
// The contexts of [Lock.Context], [Manager.Do] and [Manager.Once] carry it, and those of package quorum.
func Token(ctx context.Context) uint64 { return lease.Token(ctx) }
