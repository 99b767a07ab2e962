package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Delete removes a job in whatever state [Inspector.Job] finds it, and sets its ID and its unique key free. A handler
// that runs the job is not stopped, but its outcome no longer counts. Of a job that is done and of which nothing but
// the guard of its ID is left, it sets the ID free. [ErrNotFound] if the job is not found.
func (i *Inspector) Delete(ctx context.Context, queue, id string) error {
	return wrapAction("delete", queue, id, i.delete(ctx, queue, id))
}

func (i *Inspector) delete(ctx context.Context, queue, id string) error {
	job, q, err := i.locate(ctx, queue, id)
	if errors.Is(err, errEnded) {
		job, err = JobInfo{ID: id, State: StateDone, record: id}, nil
	}
	if err != nil {
		return err
	}
	return i.decide(ctx, func() wire.VerdictCmd { return i.deleteJob(ctx, i.rdb, q, &job) })
}

func (i *Inspector) deleteJob(
	ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo,
) wire.VerdictCmd {
	unique := job.UniqueKey
	if job.State == StateExpired { // it was set free, and may be that of another job of the same ID
		unique = ""
	}
	return wire.DeleteJob(ctx, rdb, q, wire.Delete{
		ID: job.ID, Unique: unique, Place: job.place(), Record: cmp.Or(job.record, job.ID),
	})
}

// Purge deletes every job of a queue that is waiting, delayed, retrying, dead or cancelled. After each batch
// progress, unless nil, is called with how many were deleted so far. It returns that number, also with an error. Jobs
// added meanwhile stay.
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
