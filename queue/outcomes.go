package queue

import (
	"context"
	"errors"
	"time"
)

// OutcomeKind is what becomes of a job after a run.
type OutcomeKind string

// The kinds of outcome.
const (
	OutcomeDone      OutcomeKind = "done"      // the handler returned nil
	OutcomeFailed    OutcomeKind = "failed"    // the attempt failed; it is retried as the kind's policy says, or dead
	OutcomeRetryIn   OutcomeKind = "retry in"  // the attempt failed; it is retried after Delay, see [RetryIn]
	OutcomeSnoozed   OutcomeKind = "snoozed"   // it runs again after Delay and no attempt is burned, see [Snooze]
	OutcomeCancelled OutcomeKind = "cancelled" // it is dead, see [Cancel]
	OutcomeUndecoded OutcomeKind = "undecoded" // it is dead: its data does not fit its kind
)

// Outcome is what a handler's error asks for.
type Outcome struct {
	Kind  OutcomeKind
	Delay time.Duration // of OutcomeRetryIn and OutcomeSnoozed
	Err   error         // what the handler returned; nil if it is done
}

// OutcomeOf reads what a [Handler] returned as a [Worker] does. The outcomes of a batch's jobs are in the error that
// [Outcomes] made: give it each of them. An error whose own methods panic is a failure, with a [PanicError].
func OutcomeOf(err error) (o Outcome) {
	defer func() {
		if v := recover(); v != nil {
			o = Outcome{Kind: OutcomeFailed, Err: newPanicError(v)}
		}
	}()
	var (
		snooze      *snoozeError
		cancelled   *cancelError
		undecodable *undecodableError
		retryIn     *retryInError
	)
	o = Outcome{Kind: OutcomeFailed, Err: err}
	switch {
	case err == nil:
		o.Kind = OutcomeDone
	case errors.As(err, &snooze):
		o.Kind, o.Delay = OutcomeSnoozed, snooze.delay
	case errors.As(err, &cancelled):
		o.Kind = OutcomeCancelled
	case errors.As(err, &undecodable):
		o.Kind = OutcomeUndecoded
	case errors.As(err, &retryIn):
		o.Kind, o.Delay = OutcomeRetryIn, retryIn.delay
	}
	return o
}

// call runs a handler and sets what it returned. A panic is an error like any other, with its stack; and so is the end
// of the goroutine, after which the deferred functions of the caller go on with it.
func (h Handler) call(ctx context.Context, run *Run, returned *error) {
	ended := true
	defer func() {
		if ended {
			*returned = newPanicError(recover())
		}
	}()
	*returned = h(ctx, run)
	ended = false
}
