package queue

import "time"

const (
	reconnectMin = 50 * time.Millisecond
	reconnectMax = 2 * time.Second
)

// reconnectBackoff spaces the tries of a loop while Redis is in trouble: doubling, with jitter so that the workers do
// not all come back at once.
type reconnectBackoff struct {
	next   time.Duration
	jitter func() float64
}

func newReconnectBackoff(jitter func() float64) *reconnectBackoff {
	return &reconnectBackoff{next: reconnectMin, jitter: jitter}
}

func (b *reconnectBackoff) reset() { b.next = reconnectMin }

// wait sleeps until the next try is due or done is closed.
func (b *reconnectBackoff) wait(done <-chan struct{}) {
	backoff := time.Duration(float64(b.next) * (0.5 + b.jitter()))
	b.next = min(2*b.next, reconnectMax)
	timer := time.NewTimer(backoff)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
