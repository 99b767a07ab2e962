package inspect

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// RunNow makes a delayed or retrying job due at once. [ErrNotFound] if it is neither.
func (i *Inspector) RunNow(ctx context.Context, queue, id string) error {
	return wrapAction("run now", queue, id, i.due(ctx, queue, id, i.now()))
}

// Reschedule makes a delayed or retrying job due at another time. [ErrNotFound] if it is neither.
func (i *Inspector) Reschedule(ctx context.Context, queue, id string, due time.Time) error {
	return wrapAction("reschedule", queue, id, i.due(ctx, queue, id, due))
}

func (i *Inspector) due(ctx context.Context, queue, id string, due time.Time) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	member := id
	if place := wire.ParsePlace(id); place.Where == wire.InBodies {
		member = place.At
	}
	return verdictOf(wire.Reschedule(ctx, i.rdb, q, member, due))
}

func (i *Inspector) runJobNow(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	return wire.Reschedule(ctx, rdb, q, job.member, i.now())
}
