package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// EditData gives a job that waits, is delayed or retrying other data: JSON, 1 MiB at the most ([ErrTooLarge]). It
// returns the job as it was. Its ID, its unique key, its attempts and when it is due stay; one that waits, or is parked
// for the next free worker, goes to the end of its queue. Pause the queue first if a worker must not take the job
// meanwhile. [ErrHeld] if a worker holds it; [ErrNotFound] if it is not found, has ended (see
// [Inspector.RequeueWith]) or was cancelled.
func (i *Inspector) EditData(ctx context.Context, queue, id string, data []byte) (was JobInfo, err error) {
	if err = checkData(data); err == nil {
		was, err = i.edit(ctx, queue, id, data)
	}
	return was, wrapAction("edit", queue, id, err)
}

// checkData refuses what a client would not enqueue.
func checkData(data []byte) error {
	switch {
	case len(data) > wire.DefaultMaxData:
		return fmt.Errorf("%d bytes: %w", len(data), ErrTooLarge)
	case !json.Valid(data):
		return errors.New("data is not JSON: nothing was changed")
	}
	return nil
}

// edit changes the job, wherever it moves meanwhile.
func (i *Inspector) edit(ctx context.Context, queue, id string, data []byte) (JobInfo, error) {
	for range lookTries {
		job, q, err := i.locate(ctx, queue, id)
		if err == nil {
			err = editable(&job)
		}
		if err == nil {
			err = i.forgetExpiry(ctx, q, &job)
		}
		if err != nil {
			return JobInfo{}, err
		}
		switch err := i.decide(ctx, func() wire.VerdictCmd { return editJob(ctx, i.rdb, q, &job, data) }); {
		case err == nil:
			return job, nil
		case !errors.Is(err, ErrNotFound):
			return JobInfo{}, err
		}
	}
	return JobInfo{}, fmt.Errorf("%w at rest: it moved on at each of %d looks; try again", ErrNotFound, lookTries)
}

// editable says why a job's data cannot change.
func editable(job *JobInfo) error {
	switch {
	case job.State.row().ended:
		return fmt.Errorf("%w that goes on: it is %s", ErrNotFound, job.State)
	case job.Reason == entryDeleted:
		return fmt.Errorf("%w: %s; delete it", ErrNotFound, entryDeleted)
	case job.Cancelled != nil:
		return fmt.Errorf("%w that goes on: a person has cancelled it", ErrNotFound)
	case job.State == StateInFlight && !job.Parked:
		return ErrHeld
	case job.source.Err != nil:
		return fmt.Errorf("it cannot be read: %w", job.source.Err)
	}
	return nil
}

// forgetExpiry has a job that has started not expire under its next entry.
func (i *Inspector) forgetExpiry(ctx context.Context, q *wire.QueueRef, job *JobInfo) error {
	if !job.Parked || job.source.Meta.Expires == 0 {
		return nil
	}
	in := q.In(job.source.Ref.Lane)
	started, err := i.rdb.HExists(ctx, in.Started(), job.source.Ref.ID).Result()
	if started {
		job.source.Meta.Expires = 0
	}
	return err
}

func editJob(ctx context.Context, rdb redis.Scripter, q *wire.QueueRef, job *JobInfo, data []byte) wire.VerdictCmd {
	meta := *job.source.Meta
	edit := wire.Edit{Job: job.source, Member: job.member, Body: job.body}
	edit.Job.Data, edit.Job.Meta = data, &meta
	if job.Parked {
		edit.Parking = job.Worker
	}
	if job.Entry != "" {
		meta.Redelivered = job.Redelivered
		if job.Worker == wire.ParkOrphans { // its next delivery counts
			meta.Redelivered++
		}
		if !isULID(job.ID) && meta.EnqueuedAt == 0 { // its old entry said so
			meta.EnqueuedAt = job.source.EnqueuedAt().UnixMilli()
		}
	}
	return wire.EditJob(ctx, rdb, q, &edit)
}
