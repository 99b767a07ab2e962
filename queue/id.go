package queue

import (
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// ID chooses the job's ID, instead of a ULID. Repeating the call within [IDWindow] enqueues nothing and returns the
// job with Duplicate set. An ID has at most 128 bytes, without spaces.
func ID(id string) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if err := wire.ValidateName(id); err != nil {
			o.errs = append(o.errs, fmt.Errorf("job ID %q: %w", id, err))
		}
		o.id = id
	})
}

// IDWindow is how long, after a job with a chosen [ID] is due, a second job of the same ID is recognised as a
// repetition.
const IDWindow = 24 * time.Hour
