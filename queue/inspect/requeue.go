package inspect

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Requeue brings a dead or cancelled job back to the end of its queue, with all its attempts before it. [ErrNotFound]
// if it is neither.
func (i *Inspector) Requeue(ctx context.Context, queue, id string) error {
	return wrapAction("requeue", queue, id, i.requeue(ctx, queue, id, nil))
}

// RequeueWith requeues a dead or cancelled job with other data: JSON, 1 MiB at the most ([ErrTooLarge]).
// [ErrNotFound] if it is neither.
func (i *Inspector) RequeueWith(ctx context.Context, queue, id string, data []byte) error {
	err := checkData(data)
	if err == nil {
		err = i.requeue(ctx, queue, id, data)
	}
	return wrapAction("requeue", queue, id, err)
}

// requeue takes the job's own data if there is none.
func (i *Inspector) requeue(ctx context.Context, queue, id string, data []byte) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	job, found, err := i.lookDead(ctx, q, id)
	if err == nil && !found {
		job, found, err = i.lookCancelled(ctx, q, id)
	}
	if !found && err == nil {
		job, found, err = i.lookAnyKeptEntry(ctx, q, id)
	}
	if err != nil {
		return err
	}
	if !found || job.State == StateExpired { // whose ID is free: it is enqueued anew
		return ErrNotFound
	}
	if data != nil {
		job.source.Data = data
	}
	return i.decide(ctx, func() wire.VerdictCmd { return i.requeueJob(ctx, i.rdb, q, &job) })
}

func (i *Inspector) requeueJob(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	return wire.Requeue(ctx, rdb, q, wire.Ended(job.State), &job.source)
}
