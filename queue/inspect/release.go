package inspect

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Release gives a job in flight to the next worker with a free slot now, instead of when its consumer's silence has
// lasted long enough. [ErrHeld] if its worker lives: cancel it instead. [ErrNotFound] if it is not in flight.
func (i *Inspector) Release(ctx context.Context, queue, id string) error {
	return wrapAction("release", queue, id, i.release(ctx, queue, id))
}

func (i *Inspector) release(ctx context.Context, queue, id string) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	job, found, err := i.lookInFlight(ctx, q, id)
	if err != nil {
		return err
	}
	if !found {
		return ErrNotFound
	}
	return verdictOf(i.releaseJob(ctx, i.rdb, q, &job))
}

func (i *Inspector) releaseJob(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	return wire.ReleaseOrphan(ctx, rdb, q, job.Worker, wire.EntryRef{ID: job.Entry})
}
