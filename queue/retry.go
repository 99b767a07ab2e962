package queue

import (
	"errors"
	"fmt"
	"time"
)

// maxDelay keeps jitter from carrying a delay beyond what a duration holds.
const maxDelay = float64(200 * 365 * 24 * time.Hour)

// RetryIn is returned by a handler to fail this attempt with err and to retry in d, in place of the kind's backoff:
// the time a Retry-After header named, for example.
func RetryIn(d time.Duration, err error) error { return &retryInError{delay: max(d, 0), cause: err} }

type retryInError struct {
	delay time.Duration
	cause error
}

func (e *retryInError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("retry in %s", e.delay)
	}
	return e.cause.Error()
}

func (e *retryInError) Unwrap() error { return e.cause }

// BackoffFunc computes the delay after a failed attempt, from 1, in place of [Backoff]. Where it panics, the delay is
// that of [Backoff], and the job's error has the stack.
func BackoffFunc(delay func(attempt int, err error) time.Duration) HandleOption {
	return policyOption(func(p *Policy) error {
		p.backoff = delay
		if delay == nil {
			return errors.New("the function of BackoffFunc is nil")
		}
		return nil
	})
}

// Backoff sets the delay after a failed attempt: lowest after the first, doubled after each, highest at the most, give
// or take a quarter at random so that jobs that failed together do not come back together. Defaults to 1 s and 1 h.
func Backoff(lowest, highest time.Duration) PolicyOption {
	return policyOption(func(p *Policy) error {
		p.BackoffMin, p.BackoffMax = lowest, highest
		if lowest < time.Millisecond || highest < lowest {
			return fmt.Errorf("backoff from %s to %s: must begin at 1ms or more and not fall", lowest, highest)
		}
		return nil
	})
}

// delayAfter returns how long a job waits after its attempt-th failed run.
func (p *Policy) delayAfter(attempt int, err error, jitter func() float64) time.Duration {
	var retryIn *retryInError
	if errors.As(err, &retryIn) {
		return retryIn.delay
	}
	if p.backoff != nil {
		return max(p.backoff(attempt, err), 0)
	}
	delay := p.BackoffMax
	if shift := attempt - 1; shift >= 0 && shift < 62 && p.BackoffMin <= p.BackoffMax>>shift {
		delay = p.BackoffMin << shift
	}
	return time.Duration(min(float64(delay)*(0.75+0.5*jitter()), maxDelay))
}
