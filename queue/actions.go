package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// RunNow makes a delayed or retrying job due at once. [ErrNotFound] if it is neither.
func (i *Inspector) RunNow(ctx context.Context, queue, id string) error {
	p, err := i.find(ctx, queue)
	if err == nil {
		err = one(scriptRunNow.Run(ctx, i.rdb, []string{p.keys.delayed(), p.keys.retrying()}, id, i.now().UnixMilli()))
	}
	return wrapAction("run now", queue, id, err)
}

// Requeue brings a dead job back to the end of its queue, with all its attempts before it. [ErrNotFound] if it is not
// dead.
func (i *Inspector) Requeue(ctx context.Context, queue, id string) error {
	p, err := i.find(ctx, queue)
	if err == nil {
		err = i.requeue(ctx, p, id)
	}
	return wrapAction("requeue", queue, id, err)
}

func (i *Inspector) requeue(ctx context.Context, p place, id string) error {
	k := p.keys
	at, err := i.rdb.HGet(ctx, k.deadIDs(), id).Result()
	if errors.Is(err, redis.Nil) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	found, err := i.rdb.XRange(ctx, k.dead(), at, at).Result()
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return ErrNotFound
	}
	text := func(name string) string {
		value, _ := found[0].Values[name].(string)
		return value
	}
	old, _ := decodeMeta([]byte(text(fieldMeta))) // what cannot be read is left behind: a fresh start was asked for
	m := *old
	m.Attempt, m.Redelivered, m.Error = 0, 0, ""
	return one(scriptRequeue.Run(ctx, i.rdb, []string{k.stream, k.dead(), k.deadIDs(), k.totals()},
		id, at, text(fieldKind), text(fieldData), m.encode()))
}

// Delete removes a job in whatever state [Inspector.Job] finds it, and sets its unique key free. A handler that runs
// the job is not stopped, but its outcome no longer counts. [ErrNotFound] if the job is not found.
func (i *Inspector) Delete(ctx context.Context, queue, id string) error {
	info, p, err := i.locate(ctx, queue, id)
	if err == nil {
		err = one(deleteJob(ctx, i.rdb, p, info))
	}
	return wrapAction("delete", queue, id, err)
}

func deleteJob(ctx context.Context, rdb redis.Scripter, p place, job JobInfo) *redis.Cmd {
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

// Purge deletes every job of a queue that is waiting, delayed, retrying or dead, a page at a time. After each page
// progress, unless nil, is told how many were deleted so far. It returns that number, also with an error. Jobs added
// meanwhile are deleted too.
func (i *Inspector) Purge(ctx context.Context, queue string, state State, progress func(deleted int64)) (int64, error) {
	var deleted int64
	for {
		listed, n, err := i.purgePage(ctx, queue, state)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("queue: purge %s jobs of %s after %d: %w", state, queue, deleted, err)
		}
		if listed == 0 {
			return deleted, nil
		}
		if n == 0 {
			return deleted, fmt.Errorf("queue: purge %s jobs of %s: %d were listed and none could be deleted", state, queue, listed)
		}
		if progress != nil {
			progress(deleted)
		}
	}
}

// purgePage deletes the first page of a list, in one pipeline.
func (i *Inspector) purgePage(ctx context.Context, queue string, state State) (listed int, deleted int64, err error) {
	const size = 200
	if state == StateInFlight || state == StateDone {
		return 0, 0, fmt.Errorf("jobs that are %s cannot be purged", state)
	}
	p, err := i.find(ctx, queue)
	if err != nil {
		return 0, 0, err
	}
	page, err := i.list(ctx, state, queue, Page{Limit: size})
	if err != nil || len(page.Jobs) == 0 {
		return 0, 0, err
	}
	pipe := i.rdb.Pipeline()
	verdicts := make([]*redis.Cmd, len(page.Jobs))
	for n, job := range page.Jobs {
		verdicts[n] = deleteJob(ctx, pipe, p, job)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, 0, err
	}
	for _, verdict := range verdicts {
		n, _ := verdict.Int64() // 0: it ran, or became due, this moment
		deleted += n
	}
	return len(page.Jobs), deleted, nil
}

// notFoundIfNil makes an answer of Redis that there is nothing an error that callers know.
func notFoundIfNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return ErrNotFound
	}
	return err
}

// one reads a script's verdict: 1 done, 0 not found.
func one(cmd *redis.Cmd) error {
	switch n, err := cmd.Int(); {
	case err != nil:
		return err
	case n == 0:
		return ErrNotFound
	}
	return nil
}

func wrapAction(action, queue, id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("queue: %s job %s of %s: %w", action, id, queue, err)
}
