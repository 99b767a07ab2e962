package inspect

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// RunNow puts a delayed or retrying job among those that wait, also while no worker lives: see [QueueInfo.Obstacle].
// [ErrNotFound] if it is neither.
func (i *Inspector) RunNow(ctx context.Context, queue, id string) error {
	q, err := i.find(ctx, queue)
	if err == nil {
		err = i.runNow(ctx, q, memberOf(id))
	}
	return wrapAction("run now", queue, id, err)
}

func (i *Inspector) runNow(ctx context.Context, q *wire.QueueRef, member string) error {
	job, found, err := i.lookScheduled(ctx, q, member)
	switch {
	case err != nil:
		return err
	case !found:
		return ErrNotFound
	}
	return i.decide(ctx, func() wire.VerdictCmd { return i.runJobNow(ctx, i.rdb, q, &job) })
}

func (i *Inspector) runJobNow(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	return wire.RunNow(ctx, rdb, q, job.member, job.source.Meta.Lane)
}

// memberOf is what stands for a job in bodies: its ID, or what its place says.
func memberOf(id string) string {
	if place := wire.ParsePlace(id); place.Where == wire.InBodies {
		return place.At
	}
	return id
}

// Reschedule makes a delayed or retrying job due at another time. [ErrNotFound] if it is neither.
func (i *Inspector) Reschedule(ctx context.Context, queue, id string, due time.Time) error {
	q, err := i.find(ctx, queue)
	if err == nil {
		err = i.decide(ctx, func() wire.VerdictCmd { return wire.Reschedule(ctx, i.rdb, q, memberOf(id), due) })
	}
	return wrapAction("reschedule", queue, id, err)
}
