package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
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
	p, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	return verdictOf(dueAt(ctx, i.rdb, p, id, due))
}

func dueAt(ctx context.Context, rdb redis.Scripter, p place, id string, due time.Time) *redis.Cmd {
	return scriptReschedule.Eval(ctx, rdb, []string{p.keys.delayed(), p.keys.retrying()}, id, ceilMilli(due))
}

// Requeue brings a dead job back to the end of its queue, with all its attempts before it. [ErrNotFound] if it is not
// dead.
func (i *Inspector) Requeue(ctx context.Context, queue, id string) error {
	return wrapAction("requeue", queue, id, i.requeue(ctx, queue, id, nil))
}

// RequeueWith requeues a dead job with other data: JSON, 1 MiB at the most ([ErrTooLarge]). [ErrNotFound] if it is not
// dead.
func (i *Inspector) RequeueWith(ctx context.Context, queue, id string, data []byte) error {
	var err error
	switch {
	case len(data) > DefaultMaxData:
		err = fmt.Errorf("%d bytes: %w", len(data), ErrTooLarge)
	case !json.Valid(data):
		err = errors.New("data is not JSON: nothing was requeued")
	default:
		err = i.requeue(ctx, queue, id, data)
	}
	return wrapAction("requeue", queue, id, err)
}

// requeue takes the job's own data if there is none.
func (i *Inspector) requeue(ctx context.Context, queue, id string, data []byte) error {
	p, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	job, found, err := i.lookDead(ctx, p, id)
	if err != nil {
		return err
	}
	if !found {
		return ErrNotFound
	}
	if data != nil {
		job.source.data = data
	}
	return verdictOf(requeueJob(ctx, i.rdb, p, &job))
}

func requeueJob(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo) *redis.Cmd {
	k, e := p.keys, job.source
	m := *e.meta
	m.Attempt, m.Redelivered, m.Error = 0, 0, ""
	return scriptRequeue.Eval(ctx, rdb, []string{k.stream, k.dead(), k.deadIDs(), k.totals()},
		e.id, job.Entry, e.kind, e.data, m.encode())
}

// Release gives a job in flight to the next worker with a free slot now, instead of when its consumer's silence has
// lasted long enough. [ErrHeld] if its worker lives: cancel it instead. [ErrNotFound] if it is not in flight.
func (i *Inspector) Release(ctx context.Context, queue, id string) error {
	p, err := i.find(ctx, queue)
	if err == nil {
		var job JobInfo
		var found bool
		if job, found, err = i.lookInFlight(ctx, p, id); err == nil && !found {
			err = ErrNotFound
		}
		if err == nil {
			err = verdictOf(releaseJob(ctx, i.rdb, p, &job))
		}
	}
	return wrapAction("release", queue, id, err)
}

func releaseJob(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo) *redis.Cmd {
	k := p.keys
	return scriptReleaseOrphan.Eval(ctx, rdb, []string{k.stream, k.workers(), k.worker(job.Worker), k.crashed()},
		p.group(), job.Worker, job.Entry, int64(crashedKept.Seconds()))
}

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
	keys := []string{k.stream, k.delayed(), k.retrying(), k.bodies(), k.dead(), k.deadIDs(), k.totals(), k.job(job.ID)}
	if job.UniqueKey != "" {
		keys = append(keys, k.unique(job.UniqueKey))
	}
	entry, dead := job.Entry, ""
	if job.State == StateDead {
		entry, dead = "", job.Entry
	}
	return scriptDelete.Eval(ctx, rdb, keys, job.ID, p.group(), entry, dead)
}

// verdictOf reads a script's verdict: 1 or more done, 0 not found, -1 its worker lives.
func verdictOf(cmd *redis.Cmd) error {
	switch n, err := cmd.Int(); {
	case err != nil:
		return err
	case n == 0:
		return ErrNotFound
	case n < 0:
		return ErrHeld
	}
	return nil
}

func wrapAction(action, queue, id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("queue: %s job %s of %s: %w", action, id, queue, err)
}
