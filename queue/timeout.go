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

// timeout is how long the run may take. A batch has the kind's.
func (t *task) timeout() time.Duration {
	if t.batch != nil {
		return t.kind.policy.Timeout
	}
	return t.policy.Timeout
}
