package queue

import (
	"fmt"
	"time"
)

// In delays the job: it is due d from now, by the client's clock. A negative d is refused.
func In(d time.Duration) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if d < 0 {
			o.errs = append(o.errs, fmt.Errorf("delay %s is negative", d))
		}
		o.in = d
	})
}

// At delays the job until t. A t in the past is due at once.
func At(t time.Time) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) { o.at = t })
}

// due is when the job is due, nil if at once.
func (o *enqueueOptions) due(now time.Time) *time.Time {
	switch {
	case o.in > 0:
		due := now.Add(o.in)
		return &due
	case o.at.After(now):
		due := o.at
		return &due
	}
	return nil
}
