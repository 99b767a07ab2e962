package lease

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// ReleaseTimeout bounds a release: no caller waits long to let go of what ends by itself.
const ReleaseTimeout = 2 * time.Second

// Backend is where a lock is kept: in one Redis, or in most of several. Its calls need not end with their context.
type Backend interface {
	// Acquire takes the lock, also when the owner has it already. Token 0 means that another has it, and wait is then
	// the time until something may change, 0 or less if that is unknown.
	Acquire(ctx context.Context, owner string, ttl time.Duration) (token uint64, wait time.Duration, err error)
	// Renew and Release report whether the lock was still the owner's.
	Renew(ctx context.Context, owner string, ttl time.Duration) (bool, error)
	Release(ctx context.Context, owner string) (bool, error)
	// Withdraw takes back what the attempts of an owner that gave up have left. If the outcome of one is unknown, what
	// it took is taken back as well, and it is refused should it arrive later.
	Withdraw(ctx context.Context, owner string, unknown bool) error
}

// Lock is one attempt to hold a lock, and the lock once it is held. The exported fields are set before the attempt;
// token and lease are set by the attempt that succeeds, before the lock is handed to its user. All are only read from
// then on.
type Lock struct {
	Leases     *Set
	Background *Background
	Backend    Backend
	Name       string
	Owner      string
	TTL        time.Duration

	token uint64
	lease *Lease

	mu       sync.Mutex
	released bool  // guarded by mu
	repeated bool  // guarded by mu: in the background
	outcome  error // guarded by mu: of the release that reached Redis
}

// Token is the fencing token, 0 before the lock is held.
func (l *Lock) Token() uint64 { return l.token }

// Context is for the work under the lock, see [Lease.Context].
func (l *Lock) Context() context.Context { return l.lease.ctx }

// TryAcquire tries once to take the lock, and gives up when ctx ends. Where the error is [ErrNotAcquired], the duration
// is the time until something may change, 0 or less if that is unknown; the owner may then try again. After any other
// error the attempt is withdrawn.
func (l *Lock) TryAcquire(ctx context.Context) (time.Duration, error) {
	return l.attempt(ctx, l.askOnce)
}

// attempt tries once to take the lock, by asking so.
func (l *Lock) attempt(ctx context.Context, ask func(context.Context) (grant, error)) (time.Duration, error) {
	g, err := Attempt(ctx, l.Background, l.limit(), func() (grant, error) { return ask(ctx) }, l.undo)
	if err == nil && g.token == 0 {
		err = ErrNotAcquired
	}
	if err != nil {
		return g.wait, fmt.Errorf("lockmgr: acquire %q: %w", l.Name, err)
	}
	l.token = g.token
	l.lease = Start(WithToken(ctx, g.token), g.sent, l.TTL, l.renew)
	if !l.Leases.Add(l.lease) {
		return 0, errors.Join(fmt.Errorf("lockmgr: acquire %q: %w", l.Name, ErrClosed), l.Release(ctx))
	}
	return 0, nil
}

// grant is the backend's answer to an attempt; token 0 refuses it.
type grant struct {
	sent  time.Time
	token uint64
	wait  time.Duration
}

// askOnce asks for a caller that does not wait: no longer than a release may take, also while the lock's slot moves.
func (l *Lock) askOnce(ctx context.Context) (g grant, err error) {
	err = OutMove(ctx, func() (err error) {
		g, err = l.ask(ctx)
		return err
	})
	return g, err
}

// askAsWaiter asks for a caller that waits, and that a moving slot refuses like another holder.
func (l *Lock) askAsWaiter(ctx context.Context) (grant, error) {
	g, err := l.ask(ctx)
	if redisx.IsMoving(err) {
		return grant{}, nil
	}
	return g, err
}

func (l *Lock) ask(ctx context.Context) (grant, error) {
	g := grant{sent: time.Now()}
	var err error
	g.token, g.wait, err = l.Backend.Acquire(ctx, l.Owner, l.TTL)
	return g, err
}

func (l *Lock) undo(ctx context.Context, g grant, failure error) error {
	if g.token > 0 {
		_, err := l.Backend.Release(ctx, l.Owner)
		return err
	}
	return l.Backend.Withdraw(ctx, l.Owner, failure != nil)
}

// leave takes back what refused attempts have left, when the caller gives up between two.
func (l *Lock) leave(ctx context.Context) {
	l.Background.Request(l.limit(), func() error {
		return Bounded(ctx, func(ctx context.Context) error { return l.Backend.Withdraw(ctx, l.Owner, false) })
	})
}

func (l *Lock) limit() time.Duration { return Limit(l.TTL) }

// Limit is when a lease that is not renewed has ended, also if its request arrived late.
func Limit(ttl time.Duration) time.Duration {
	return min(ttl, math.MaxInt64-WithdrawnFor) + WithdrawnFor
}

func (l *Lock) renew(ctx context.Context) (bool, error) { return l.Backend.Renew(ctx, l.Owner, l.TTL) }

// Release ends the lease and sets the lock free, or returns [ErrLost] if it was no longer the owner's. The answer of a
// release that reached Redis stays the same; one that did not is tried anew at the next call, and in the background.
func (l *Lock) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.release(ctx)
	if !l.released && !l.repeated {
		l.repeated = true
		l.Background.Repeat(l.limit(), err, func() error { return l.releaseAgain(ctx) })
	}
	return err
}

// releaseAgain returns an error only if the release did not reach Redis.
func (l *Lock) releaseAgain(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.release(ctx); !l.released {
		return err
	}
	return nil
}

// release is called with the mutex held.
func (l *Lock) release(ctx context.Context) error {
	if l.released {
		return l.outcome
	}
	l.Leases.End(l.lease)
	var freed bool
	err := Bounded(ctx, func(ctx context.Context) error {
		return redisx.WaitOutMove(ctx, func() (err error) {
			freed, err = l.Backend.Release(ctx, l.Owner)
			return err
		})
	})
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
