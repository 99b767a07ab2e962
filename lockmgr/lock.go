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
	manager *Manager
	form    form
	name    string
	owner   string
	ttl     time.Duration
	fair    bool

	token uint64
	lease *lease

	mu       sync.Mutex
	released bool
	outcome  error // of the release that reached Redis
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
	l.manager.drop(l.lease)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	args := []any{l.owner, l.form.channel, l.manager.hub.publish(ctx)}
	freed, err := l.form.release.Run(ctx, l.manager.rdb, l.form.releaseKeys, args...).Bool()
	if err != nil {
		return fmt.Errorf("lockmgr: release %q: %w", l.name, err)
	}
	if !freed {
		l.outcome = fmt.Errorf("lockmgr: release %q: %w", l.name, ErrLockLost)
	}
	l.released = true
	return l.outcome
}

// take tries once to take the lock. Where it is refused, the duration says when something may change, if that is known.
func (l *Lock) take(ctx context.Context) (time.Duration, error) {
	sent := time.Now()
	args := append([]any{l.owner, l.ttl.Milliseconds()}, l.form.args...)
	reply, err := l.form.acquire.Run(ctx, l.manager.rdb, l.form.acquireKeys, args...).Int64Slice()
	if err == nil && len(reply) != 2 {
		err = errors.New("unexpected reply")
	}
	if err != nil {
		return 0, fmt.Errorf("lockmgr: acquire %q: %w", l.name, err)
	}
	if reply[0] == 0 {
		return time.Duration(reply[1]) * time.Millisecond, fmt.Errorf("lockmgr: acquire %q: %w", l.name, ErrNotAcquired)
	}
	l.token = uint64(reply[0])
	l.lease = startLease(withToken(ctx, l.token), sent, l.ttl, l.renew)
	if !l.manager.keep(l.lease) {
		return 0, errors.Join(fmt.Errorf("lockmgr: acquire %q: %w", l.name, ErrClosed), l.Release(ctx))
	}
	return 0, nil
}

func (l *Lock) renew(ctx context.Context) (bool, error) {
	return l.form.renew.Run(ctx, l.manager.rdb, l.form.acquireKeys[:1], l.owner, l.ttl.Milliseconds()).Bool()
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
