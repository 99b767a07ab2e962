package analytics

import (
	"context"
	"errors"
	"time"

	"github.com/navvy-go/navvy/queue"
)

const (
	batchOf     = 1000
	batchWithin = 100 * time.Millisecond
)

// Register gives the mux the handlers of analytics.track, analytics.tracked, analytics.rollup and analytics.expire.
func (c *Counter) Register(mux *queue.Mux) {
	batching := []queue.HandleOption{queue.BatchOf(batchOf), queue.BatchWithin(batchWithin), queue.Timeout(30 * time.Second)}
	queue.HandleBatch(mux, func(ctx context.Context, jobs []*queue.Job[countedTrack]) error {
		batch := make([]countable, len(jobs))
		for i, job := range jobs {
			batch[i] = countableOf(job.Run, job.Args.Track)
		}
		return c.run(ctx, batch)
	}, batching...)
	queue.HandleBatch(mux, func(ctx context.Context, jobs []*queue.Job[countedTracked]) error {
		batch := make([]countable, len(jobs))
		for i, job := range jobs {
			batch[i] = countableOf(job.Run, job.Args.Track)
			batch[i].event.Counted = true
		}
		return c.run(ctx, batch)
	}, batching...)
	queue.Handle(mux, c.rollup, queue.Timeout(10*time.Minute))
	queue.Handle(mux, c.expire, queue.Timeout(10*time.Minute))
}

// Why: docs/decisions/features.md#a-streams-binding-or-the-entry-says-whether-its-producers-count
func countableOf(run *queue.Run, event Track) countable {
	if event.At.IsZero() {
		event.At = run.EnqueuedAt
	}
	return countable{mark: run.Queue + ":" + run.ID, run: run, event: event} // a job's ID is its own in its queue only
}

func (c *Counter) run(ctx context.Context, batch []countable) error {
	outcomes := c.countBatch(ctx, batch)
	for i, err := range outcomes {
		if errors.Is(err, ErrInvalid) {
			outcomes[i] = queue.Cancel(err)
		}
	}
	return queue.Outcomes(outcomes)
}
