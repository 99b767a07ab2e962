package inspect

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Release gives a job in flight to the next worker with a free slot now, instead of when its consumer's silence has
// lasted long enough. [ErrHeld] if its worker lives: cancel it instead. [ErrNotFound] if it is not in flight.
func (i *Inspector) Release(ctx context.Context, queue, id string) error {
	return wrapAction("release", queue, id, i.release(ctx, queue, id))
}

func (i *Inspector) release(ctx context.Context, queue, id string) error {
	job, q, err := i.locate(ctx, queue, id)
	switch {
	case err != nil:
		return err
	case job.State != StateInFlight:
		return fmt.Errorf("%w in flight: it is %s", ErrNotFound, job.State)
	}
	return i.decide(ctx, func() wire.VerdictCmd { return i.releaseJob(ctx, i.rdb, q, &job) })
}

func (i *Inspector) releaseJob(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	return wire.ReleaseOrphan(ctx, rdb, q, job.Worker, job.source.Ref)
}
