package inspect

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Delete removes a job in whatever state [Inspector.Job] finds it, and sets its unique key free. A handler that runs
// the job is not stopped, but its outcome no longer counts. [ErrNotFound] if the job is not found.
func (i *Inspector) Delete(ctx context.Context, queue, id string) error {
	job, q, err := i.locate(ctx, queue, id)
	if err != nil {
		return wrapAction("delete", queue, id, err)
	}
	return wrapAction("delete", queue, id, verdictOf(i.deleteJob(ctx, i.rdb, q, &job)))
}

func (i *Inspector) deleteJob(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	d := wire.Delete{ID: job.ID, Unique: job.UniqueKey, Entry: wire.EntryRef{ID: job.Entry}}
	if job.State == StateDead {
		d.Entry, d.Dead = wire.EntryRef{}, d.Entry
	}
	return wire.DeleteJob(ctx, rdb, q, d)
}

// Purge deletes every job of a queue that is waiting, delayed, retrying or dead. After each batch progress, unless nil,
// is called with how many were deleted so far. It returns that number, also with an error. Jobs added meanwhile stay.
func (i *Inspector) Purge(ctx context.Context, queue string, state State, progress func(deleted int64)) (int64, error) {
	if state == StateInFlight || state == StateDone {
		return 0, fmt.Errorf("queue: purge %s: jobs that are %s cannot be purged", queue, state)
	}
	result, err := i.Act(ctx, queue, Query{State: state}, ActionDelete, func(result BulkResult) {
		if progress != nil {
			progress(result.Done)
		}
	})
	return result.Done, err
}
