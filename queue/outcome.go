package queue

import (
	"errors"
	"fmt"
	"time"
)

// Cancel is returned by a handler to give up: the job is dead at once, however many attempts are left.
// A nil err is allowed.
func Cancel(err error) error { return &cancelError{cause: err} }

type cancelError struct{ cause error }

func (e *cancelError) Error() string {
	if e.cause == nil {
		return "cancelled by its handler"
	}
	return e.cause.Error()
}

func (e *cancelError) Unwrap() error { return e.cause }

// Snooze is returned by a handler to run again in d without burning an attempt: what the job waits for is not there
// yet.
func Snooze(d time.Duration) error { return &snoozeError{delay: max(d, 0)} }

type snoozeError struct{ delay time.Duration }

func (e *snoozeError) Error() string { return fmt.Sprintf("snoozed for %s", e.delay) }

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

// PanicError is what an attempt failed with when its handler panicked.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // the goroutine's stack at the panic
}

// Error returns the panic's value and stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

// Unwrap returns the panic's value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// maxDelay keeps jitter from carrying a delay beyond what a duration holds.
const maxDelay = float64(200 * 365 * 24 * time.Hour)

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
