package analytics

import (
	"context"
	"errors"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Register gives the mux the handler of analytics.track.
func (c *Counter) Register(mux *queue.Mux) {
	queue.Handle(mux, c.handle, queue.Timeout(10*time.Second))
}

func (c *Counter) handle(ctx context.Context, job *queue.Job[Track]) error {
	event := job.Args
	if event.At.IsZero() {
		event.At = job.EnqueuedAt
	}
	err := c.Count(ctx, job.Queue+":"+job.ID, event) // a job's ID is its own in its queue only
	if errors.Is(err, ErrInvalid) {
		return queue.Cancel(err)
	}
	return err
}
