package queue

import (
	"fmt"
	"time"
)

// Retain keeps the state and result of a job for d after it is done, under a key of its own; see Inspector.Job in
// package inspect. By default nothing is kept.
func Retain(d time.Duration) PolicyOption {
	return policyOption(func(p *Policy) error {
		p.Retain = d
		if d < time.Millisecond {
			return fmt.Errorf("retain %s: must be at least 1ms", d)
		}
		return nil
	})
}
