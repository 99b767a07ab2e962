package queue

import (
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// ID chooses the job's ID, instead of a ULID. While the job exists, however long that is, and for [IDWindow] after its
// end, repeating the call enqueues nothing and returns the job with Duplicate set. A dead or cancelled job exists until
// it is requeued and done, or deleted; deleting a job sets its ID free. An ID has at most 128 bytes, without spaces.
func ID(id string) EnqueueOption { return IDFor(id, IDWindow) }

// IDFor is [ID] with another time for which the ID is guarded after the job's end; 0 for none.
func IDFor(id string, window time.Duration) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if err := wire.ValidateName(id); err != nil {
			o.errs = append(o.errs, fmt.Errorf("job ID %q: %w", id, err))
		}
		if window < 0 {
			o.errs = append(o.errs, fmt.Errorf("window %s of job ID %q: must not be negative", window, id))
		}
		o.id, o.idWindow = id, window
	})
}

// IDWindow is how long, after the end of a job with a chosen [ID], a second job of the same ID is recognised as a
// repetition.
const IDWindow = 24 * time.Hour
