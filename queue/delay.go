package queue

import (
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// In delays the job: it is due d from now, by the client's clock. A negative d is refused, and [At] beside it.
func In(d time.Duration) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if d < 0 {
			o.errs = append(o.errs, fmt.Errorf("delay %s is negative", d))
		}
		o.in = d
	})
}

// At delays the job until t, in the year 9999 at the latest. A t in the past is due at once.
func At(t time.Time) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if t.After(wire.LastTime) {
			o.errs = append(o.errs, fmt.Errorf("due at %d s: must be before %s", t.Unix(), wire.LastTime.Format(time.DateOnly)))
		}
		o.at, o.hasTime = t, true
	})
}

// due is when the job is due, nil if at once.
func (o *enqueueOptions) due(now time.Time) *time.Time {
	switch {
	case o.in > 0:
		due := wire.LimitTime(now.Add(o.in))
		return &due
	case o.at.After(now):
		due := o.at
		return &due
	}
	return nil
}
