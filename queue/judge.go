package queue

import (
	"errors"
	"fmt"
	"time"
)

// judgement is what the error of a failed run asks for. No code of the application is behind it: the methods of its
// error and its [BackoffFunc] were called for the last time.
type judgement struct {
	Outcome
	delay time.Duration // until the job runs again
}

// readError is an error whose text was read already: its own method is not called again.
type readError struct {
	text  string
	cause error
}

func (e *readError) Error() string { return e.text }
func (e *readError) Unwrap() error { return e.cause }

// judge reads the error that a handler returned. An error that cannot be read is a failed attempt all the same, with
// the stack of what happened instead.
func (t *task) judge(err error) judgement {
	j := judgement{Outcome: Outcome{Kind: OutcomeFailed, Err: err}}
	failed := isolate(func() {
		j.Outcome = OutcomeOf(err)
		if j.Kind.burnsAttempt() && t.timedOut() && !errors.Is(j.Err, ErrTimeout) {
			j.Err = &timedOutError{after: t.timeout(), cause: j.Err}
		}
		j.Err = &readError{text: j.Err.Error(), cause: j.Err}
	})
	if failed != nil {
		j.Err = fmt.Errorf("the error that the handler returned, a %T, cannot be read: %w", err, failed)
	}
	switch j.Kind {
	case OutcomeSnoozed, OutcomeRetryIn:
		j.delay = j.Delay
	case OutcomeFailed:
		t.judgeDelay(&j)
	default: // it does not run again
	}
	return j
}

// judgeDelay asks the job's policy. Where its function fails, the delay is that of a kind without one.
func (t *task) judgeDelay(j *judgement) {
	policy, attempt, jitter := *t.policy, t.run.Attempt, t.ses.w.cfg.Rand
	if policy.backoff != nil {
		failed := isolate(func() { j.delay = policy.delayAfter(attempt, j.Err, jitter) })
		if failed == nil {
			return
		}
		j.Err = fmt.Errorf("%w; and then its BackoffFunc: %w", j.Err, failed)
	}
	policy.backoff = nil
	j.delay = policy.delayAfter(attempt, nil, jitter)
}

// burnsAttempt reports whether the run counts as a failed attempt after which the job may run again.
func (k OutcomeKind) burnsAttempt() bool { return k == OutcomeFailed || k == OutcomeRetryIn }
