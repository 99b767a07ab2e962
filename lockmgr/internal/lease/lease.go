// Package lease has what every lock needs, wherever its key is kept: the lease that is renewed until the release, the
// lock that holds it, the loop in which a waiter contends, and the rules for names and keys.
package lease

import (
	"context"
	"sync"
	"time"
)

// Set is the leases that a manager renews, to be ended with it. The zero value is ready.
type Set struct {
	mu     sync.Mutex
	closed bool                // guarded by mu
	leases map[*Lease]struct{} // guarded by mu; nil before the first one
}

// Add puts a lease into the set, or reports false if the set was closed before.
func (s *Set) Add(l *Lease) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.leases == nil {
		s.leases = map[*Lease]struct{}{}
	}
	s.leases[l] = struct{}{}
	return true
}

// End takes a lease out of the set and stops it; its context ends with [context.Canceled].
func (s *Set) End(l *Lease) {
	s.mu.Lock()
	delete(s.leases, l)
	s.mu.Unlock()
	l.Stop(context.Canceled)
}

// Close stops all leases with the cause [ErrClosed], and lets no more in.
func (s *Set) Close() {
	s.mu.Lock()
	leases := s.leases
	s.leases, s.closed = nil, true
	s.mu.Unlock()
	for l := range leases {
		l.Stop(ErrClosed)
	}
}

// Renew extends what a lease stands for and reports whether it was still the holder's own.
type Renew func(context.Context) (bool, error)

// Lease renews what was taken in Redis until it is stopped, and ends a context before the taken thing can end. All
// fields are set by [Start] and only read from then on.
type Lease struct {
	ctx         context.Context // for the work under the lease
	cancel      context.CancelCauseFunc
	ttl         time.Duration
	renew       Renew
	expiry      *time.Timer // reset by the goroutine of run alone
	stopRenewal context.CancelFunc
	done        chan struct{} // closed when run has returned
}

// Start begins a lease of what was asked for at the time sent: Redis began to count later, so the local end is the
// earlier one whatever the network did. The lease's context has the values of ctx, but not its end.
func Start(ctx context.Context, sent time.Time, ttl time.Duration, renew Renew) *Lease {
	l := &Lease{ttl: ttl, renew: renew, done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.expiry = time.AfterFunc(l.left(sent), l.lose)
	renewal, stop := context.WithCancel(l.ctx)
	l.stopRenewal = stop
	go l.run(renewal)
	return l
}

// Context ends with the cause [ErrLost] a tenth of the TTL before the lease can end in Redis, and with the cause given
// to [Lease.Stop].
func (l *Lease) Context() context.Context { return l.ctx }

// run renews at each third of the TTL, and more often after a failure.
func (l *Lease) run(ctx context.Context) {
	defer close(l.done)
	timer := time.NewTimer(l.ttl / 3)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		sent := time.Now()
		renewed, err := l.renew(ctx)
		switch {
		case err != nil:
			timer.Reset(l.ttl / 20)
		case !renewed || !l.expiry.Reset(l.left(sent)): // a renewal that came after the local end is too late
			l.lose()
			return
		default:
			timer.Reset(l.ttl / 3)
		}
	}
}

// left is the time until the lease ends here: a tenth of the TTL early, for timers that are late and clocks that drift.
func (l *Lease) left(sent time.Time) time.Duration { return time.Until(sent.Add(l.ttl - l.ttl/10)) }

func (l *Lease) lose() { l.cancel(ErrLost) }

// Stop ends the renewal and waits for it. The context ends with the cause unless it has ended before.
func (l *Lease) Stop(cause error) {
	l.cancel(cause)
	l.stopRenewal()
	<-l.done
	l.expiry.Stop()
}

// Within returns ctx, ended early with the lease and with its cause. The function frees what that needs.
func (l *Lease) Within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	return ctx, func() { stop(); cancel(nil) }
}
