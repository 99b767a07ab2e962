package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	cancelKept  = 24 * time.Hour   // an order that no worker has heeded
	cancelHeard = 10 * time.Second // by then every living worker has heard of an order
	cancelTries = 5                // a job may move on between the look and the step
)

// Cancel ends a job that has not ended. One that waits, is delayed or retrying, or is parked for the next free worker
// goes to the dead at once, with [ReasonByPerson]. A running one is told within a beat (half a second with the default
// lease): its context is cancelled with the cause [ErrCancelled]. If its handler then returns nil, the job is done;
// whatever else it returns, the job is dead; and if its worker dies meanwhile, the job is dead too. A handler that
// ignores its context keeps its slot until it returns. [Inspector.Requeue] takes a cancellation back.
//
// [ErrNotFound] if the job is not found, or has ended already.
func (i *Inspector) Cancel(ctx context.Context, queue, id string) error {
	return wrapAction("cancel", queue, id, i.end(ctx, queue, id, ActionCancel))
}

// Bury sends a job that has not ended to the dead at once, with [ReasonByPerson], whoever runs it: a running handler's
// context is cancelled within a beat, and its outcome does not count. Prefer [Inspector.Cancel], which waits for the
// handler. [ErrNotFound] if the job is not found, or has ended already.
func (i *Inspector) Bury(ctx context.Context, queue, id string) error {
	return wrapAction("bury", queue, id, i.end(ctx, queue, id, ActionBury))
}

// end cancels or buries a job, wherever it moves meanwhile.
func (i *Inspector) end(ctx context.Context, queue, id string, action Action) error {
	for range cancelTries {
		job, p, err := i.locate(ctx, queue, id)
		if err != nil {
			return err
		}
		if job.State == StateDead || job.State == StateDone {
			return fmt.Errorf("%w that goes on: it is %s", ErrNotFound, job.State)
		}
		switch err := verdictOf(i.cancelFound(ctx, i.rdb, p, &job, action)); {
		case !errors.Is(err, ErrNotFound):
			return err
		case job.Reason == entryDeleted:
			return fmt.Errorf("%w: %s; delete it", ErrNotFound, entryDeleted)
		}
	}
	return fmt.Errorf("%w at rest: it moved on at each of %d looks; try again", ErrNotFound, cancelTries)
}

// cancelFound cancels or buries a job where it was seen.
func (i *Inspector) cancelFound(ctx context.Context, rdb redis.Scripter, p place, job *JobInfo, action Action) *redis.Cmd {
	e, k, order := job.source, p.keys, i.attribution(ctx)
	m := *e.meta
	m.Redelivered = job.Redelivered
	keys := []string{
		k.stream, k.dead(), k.deadIDs(), k.totals(), k.cancelled(), k.workers(), k.delayed(), k.retrying(), k.bodies(),
	}
	if m.Unique != "" {
		keys = append(keys, k.unique(m.Unique))
	}
	return scriptCancel.Eval(ctx, rdb, keys,
		p.group(), e.id, e.entryID, job.body, order.encode(), int64(cancelKept.Seconds()), string(action),
		fieldID, e.id, fieldKind, e.kind, fieldData, e.data, fieldMeta, m.encode(),
		"error", order.asError(nil).Error(), "reason", ReasonByPerson, "worker", job.Worker,
		"died_ms", order.At.UnixMilli())
}

// asError says who cancelled a job, and what its handler said to that.
func (o *Attribution) asError(said error) error {
	who := "a person"
	if o.By != "" {
		who = o.By
	}
	if said == nil {
		return fmt.Errorf("cancelled by %s", who)
	}
	return fmt.Errorf("cancelled by %s: %w", who, said)
}

// cancel tells a job in this worker's hands that a person has cancelled it. If it has not started, it never will.
func (t *task) cancel(order *Attribution) {
	order.noticed = monotonic()
	if t.cancelled.CompareAndSwap(nil, order) {
		t.ctx.cancelRun()
	}
}

// readOrder reads who has cancelled the job, when it was found out in the last moment.
func (t *task) readCancellation() *Attribution {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ses.ctx), t.ses.w.cfg.Lease)
	defer cancel()
	text, _ := t.ses.w.rdb.HGet(ctx, t.ses.keys.cancelled(), t.entryID).Result()
	t.cancelled.CompareAndSwap(nil, decodeAttribution(text))
	return t.cancelled.Load()
}

// heedCancels asks which of the jobs in this worker's hands were cancelled. It is asked only while there are orders
// that nobody has heeded.
func (ses *session) applyCancels(ctx context.Context) {
	const atOnce = 500
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	for tasks := range slices.Chunk(ses.heldTasks(), atOnce) {
		entries := make([]string, len(tasks))
		for n, t := range tasks {
			entries[n] = t.entryID
		}
		orders, err := ses.w.rdb.HMGet(ctx, ses.keys.cancelled(), entries...).Result()
		if err != nil {
			ses.reportError("look for cancelled jobs", err)
			return
		}
		for n, order := range orders {
			if text, ok := order.(string); ok {
				tasks[n].cancel(decodeAttribution(text))
			}
		}
	}
}

// heldTasks lists the jobs in this session's hands whose handlers have not returned, in the order in which they move.
func (ses *session) heldTasks() []*task {
	held := ses.w.dispatcher.tasks(ses.buffer)
	for i := range ses.w.running {
		if t := ses.w.running[i].Load(); t != nil && t.ses == ses {
			held = append(held, ses.w.dispatcher.tasksIn(t)...)
		}
	}
	return held
}

// forgetCancels drops orders whose jobs ended before a worker heard of them.
func (ses *session) expireCancels(ctx context.Context) {
	const atOnce = 50
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	err := scriptExpireCancels.Run(ctx, ses.w.rdb, []string{ses.keys.stream, ses.keys.cancelled()},
		ses.binding.group(), atOnce, cancelHeard.Milliseconds()).Err()
	if err != nil {
		ses.reportError("forget cancelled jobs", err)
	}
}
