package lockmgr

import (
	"context"
	"sync"
	"time"
)

// leases are all that a manager renews, to be ended with it. The zero value is ready.
type leases struct {
	mu      sync.Mutex
	closed  bool
	running map[*lease]struct{}
}

// keep remembers a lease, or reports false if the manager was closed before.
func (l *leases) keep(held *lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.running == nil {
		l.running = map[*lease]struct{}{}
	}
	l.running[held] = struct{}{}
	return true
}

// drop ends a lease in good order.
func (l *leases) drop(held *lease) {
	l.mu.Lock()
	delete(l.running, held)
	l.mu.Unlock()
	held.halt(context.Canceled)
}

func (l *leases) close() {
	l.mu.Lock()
	running := l.running
	l.running, l.closed = nil, true
	l.mu.Unlock()
	for held := range running {
		held.halt(ErrClosed)
	}
}

// lease keeps what was taken in Redis until it is halted, and ends a context before the taken thing can end.
type lease struct {
	ctx    context.Context // of who works under the lease
	cancel context.CancelCauseFunc
	ttl    time.Duration
	renew  func(context.Context) (bool, error)
	expiry *time.Timer
	stop   context.CancelFunc
	done   chan struct{}
}

// startLease begins with what was asked for at the time sent: Redis began to count later, so the local end is the
// earlier one whatever the network did.
func startLease(ctx context.Context, sent time.Time, ttl time.Duration, renew func(context.Context) (bool, error)) *lease {
	l := &lease{ttl: ttl, renew: renew, done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.expiry = time.AfterFunc(l.left(sent), l.lose)
	keeping, stop := context.WithCancel(l.ctx)
	l.stop = stop
	go l.keep(keeping)
	return l
}

// keep renews at each third of the TTL, and more often after a failure.
func (l *lease) keep(ctx context.Context) {
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
		kept, err := l.renew(ctx)
		switch {
		case err != nil:
			timer.Reset(l.ttl / 20)
		case !kept || !l.expiry.Reset(l.left(sent)): // what is renewed after its local end was lost in between
			l.lose()
			return
		default:
			timer.Reset(l.ttl / 3)
		}
	}
}

// left is the time until the lease ends here: a tenth of the TTL early, for timers that are late and clocks that drift.
func (l *lease) left(sent time.Time) time.Duration { return time.Until(sent.Add(l.ttl - l.ttl/10)) }

func (l *lease) lose() { l.cancel(ErrLockLost) }

// halt ends the renewal and waits for it; the context ends with the cause unless it has ended before.
func (l *lease) halt(cause error) {
	l.cancel(cause)
	l.stop()
	<-l.done
	l.expiry.Stop()
}
