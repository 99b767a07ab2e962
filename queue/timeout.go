package queue

import (
	"fmt"
	"time"
)

// Timeout cancels the handler's context, with the cause [ErrTimeout], when a run takes longer. Defaults to 30 minutes.
// A handler that ignores its context keeps its slot until it returns.
func Timeout(d time.Duration) PolicyOption {
	return policyOption(func(p *Policy) error {
		p.Timeout = d
		if d < time.Millisecond {
			return fmt.Errorf("timeout %s: must be at least 1ms", d)
		}
		return nil
	})
}

// timedOutError says of a run's error that the run had timed out.
type timedOutError struct {
	after time.Duration
	cause error
}

func (e *timedOutError) Error() string {
	return fmt.Sprintf("%s after %s: %s", ErrTimeout, e.after, e.cause)
}
func (e *timedOutError) Unwrap() []error { return []error{ErrTimeout, e.cause} }

// timedOut reports whether the run that has just ended had timed out.
func (t *task) timedOut() bool {
	if t.batch != nil {
		return t.batch.ctx.expired
	}
	return t.ctx.expired
}

// timeout is how long the run may take. A batch has the kind's.
func (t *task) timeout() time.Duration {
	if t.batch != nil {
		return t.kind.policy.Timeout
	}
	return t.policy.Timeout
}
