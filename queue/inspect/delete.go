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
	job, p, err := i.locate(ctx, queue, id)
	if err == nil {
		err = verdictOf(deleteJob(ctx, i.rdb, p, &job))
	}
	return wrapAction("delete", queue, id, err)
}

func deleteJob(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo) *redis.Cmd {
	k := p.keys
	keys := []string{k.Stream, k.Delayed(), k.Retrying(), k.Bodies(), k.Dead(), k.DeadIDs(), k.Totals(), k.Job(job.ID)}
	if job.UniqueKey != "" {
		keys = append(keys, k.Unique(job.UniqueKey))
	}
	entry, dead := job.Entry, ""
	if job.State == StateDead {
		entry, dead = "", job.Entry
	}
	return wire.ScriptDelete.Eval(ctx, rdb, keys, job.ID, p.GroupName(), entry, dead)
}

// Purge deletes every job of a queue that is waiting, delayed, retrying or dead. After each batch progress, unless nil,
// is told how many were deleted so far. It returns that number, also with an error. Jobs added meanwhile stay.
func (i *Inspector) Purge(ctx context.Context, queue string, state State, progress func(deleted int64)) (int64, error) {
	if state == StateInFlight || state == StateDone {
		return 0, fmt.Errorf("queue: purge %s: jobs that are %s cannot be purged", queue, state)
	}
	tally, err := i.Act(ctx, queue, Query{State: state}, ActionDelete, func(tally BulkResult) {
		if progress != nil {
			progress(tally.Done)
		}
	})
	return tally.Done, err
}
