package queue

import "time"

const (
	reconnectMin = 50 * time.Millisecond
	// with the jitter, a loop is back within 0.6 s of a Redis that is
	reconnectMax = 400 * time.Millisecond
)

// reconnectBackoff spaces the tries of a loop while Redis is in trouble: doubling, with jitter so that the workers do
// not all come back at once.
type reconnectBackoff struct {
	next   time.Duration
	most   time.Duration
	jitter func() float64
}

func newReconnectBackoff(jitter func() float64) *reconnectBackoff {
	return &reconnectBackoff{next: reconnectMin, most: reconnectMax, jitter: jitter}
}

// newBackoff spaces the tries of a worker's loop: half a lease at the most, so that jobs of the dead do not wait longer
// for a Redis that is back than for a lease.
func (s *subscription) newBackoff() *reconnectBackoff {
	b := newReconnectBackoff(s.w.cfg.Rand)
	b.most = min(b.most, s.w.cfg.Lease/2)
	return b
}

func (b *reconnectBackoff) reset() { b.next = reconnectMin }

// wait sleeps until the next try is due or done is closed.
func (b *reconnectBackoff) wait(done <-chan struct{}) {
	backoff := time.Duration(float64(b.next) * (0.5 + b.jitter()))
	b.next = min(2*b.next, b.most)
	timer := time.NewTimer(backoff)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
