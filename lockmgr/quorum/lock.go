package quorum

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// Option changes one lock.
type Option func(*options)

type options struct {
	ttl time.Duration
}

// TTL is how long others are kept out if the holder dies. While it lives, the lock is renewed at each third of it.
// Defaults to [lockmgr.DefaultTTL]; less than [lockmgr.MinTTL] is [lockmgr.ErrInvalid].
func TTL(d time.Duration) Option { return func(o *options) { o.ttl = d } }

func ttlOf(opts []Option) (time.Duration, error) {
	o := options{ttl: lockmgr.DefaultTTL}
	for _, opt := range opts {
		if opt == nil {
			return 0, fmt.Errorf("%w: nil option", lockmgr.ErrInvalid)
		}
		opt(&o)
	}
	if o.ttl < lockmgr.MinTTL {
		return 0, fmt.Errorf("%w: TTL %s must be at least %s", lockmgr.ErrInvalid, o.ttl, lockmgr.MinTTL)
	}
	return o.ttl, nil
}

// Lock is a lock in most of several servers that this process took. It is renewed until it is released. It is safe for
// concurrent use.
type Lock struct {
	core lease.Lock
}

// Name is the name that the lock was taken under.
func (l *Lock) Name() string { return l.core.Name }

// Token is the fencing token, for a store that refuses writes with a lower token than it has seen. It is greater than
// that of every holder before, as long as no more than a minority of the servers has lost its data since, and beyond
// that as long as their clocks are in step.
func (l *Lock) Token() uint64 { return l.core.Token() }

// Context is for the work under the lock. It has the values of the context that the lock was acquired with, but not its
// end. It ends with the cause [lockmgr.ErrLockLost] a tenth of the TTL before most servers can have let go of the lock,
// unless it is renewed at most of them; with [context.Canceled] at the release; and with [lockmgr.ErrClosed] when the
// manager is closed.
func (l *Lock) Context() context.Context { return l.core.Context() }

// Release ends the lock's context and the renewal, and sets the lock free for others. It returns [lockmgr.ErrLockLost]
// if the lock was no longer the holder's at most servers, and another error if too few answer. It may be called again:
// the answer stays the same, and a release of which the outcome is unknown is tried anew. It works with a context that
// has already ended, so that it can be deferred, and gives up after 2 s.
func (l *Lock) Release(ctx context.Context) error { return l.core.Release(ctx) }
