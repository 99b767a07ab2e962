package queue

import (
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Unique allows one job of this key within ttl, counted from the time the job is due: a second call enqueues nothing
// and returns the first job's ID with Duplicate set. The key is set free early when the job is dead, deleted or
// cancelled; a job that was done keeps it until ttl is over, so that repeating a call is safe.
//
// Why: docs/decisions/engine.md#a-done-job-keeps-its-unique-key-until-the-ttl-ends-a-dead-or-deleted-one-gives-it-back
func Unique(key string, ttl time.Duration) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if err := wire.ValidateName(key); err != nil {
			o.errs = append(o.errs, fmt.Errorf("unique key %q: %w", key, err))
		}
		if ttl < time.Millisecond {
			o.errs = append(o.errs, fmt.Errorf("unique for %s: must be at least 1ms", ttl))
		}
		o.uniqueKey, o.uniqueFor = key, ttl
	})
}
