package queue

import "time"

const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 2 * time.Second
)

// backoff spaces the tries of a loop while Redis is in trouble: doubling, with jitter so that a fleet does not come
// back as one.
type backoff struct {
	next   time.Duration
	jitter func() float64
}

func newBackoff(jitter func() float64) *backoff { return &backoff{next: backoffMin, jitter: jitter} }

func (b *backoff) reset() { b.next = backoffMin }

// wait sleeps until the next try is due or done is closed.
func (b *backoff) wait(done <-chan struct{}) {
	pause := time.Duration(float64(b.next) * (0.5 + b.jitter()))
	b.next = min(2*b.next, backoffMax)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
