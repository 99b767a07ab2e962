package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	cancelKept  = 24 * time.Hour // an order that no worker has heeded
	cancelTries = 5              // a job may move on between the look and the step
)

// Cancel ends a job that has not ended. One that waits, is delayed or retrying, or is parked for the next free worker
// goes to the dead at once, with [ReasonByPerson]. A running one is told within a beat (half a second with the default
// lease): its context is cancelled with the cause [ErrCancelled]. If its handler then returns nil, the job is done;
// whatever else it returns, the job is dead; and if its worker dies meanwhile, the job is dead too. A handler that
// ignores its context keeps its slot until it returns. [Inspector.Requeue] takes a cancellation back.
//
// [ErrNotFound] if the job is not found, or has ended already.
func (i *Inspector) Cancel(ctx context.Context, queue, id string) error {
	_, err := i.cancelJob(ctx, queue, id)
	return wrapAction("cancel", queue, id, err)
}

// cancelJob tells whether the job is dead already, or was only told.
func (i *Inspector) cancelJob(ctx context.Context, queue, id string) (dead bool, err error) {
	for range cancelTries {
		info, p, err := i.locate(ctx, queue, id)
		if err != nil {
			return false, err
		}
		if info.State == StateDead || info.State == StateDone {
			return false, fmt.Errorf("%w that goes on: it is %s", ErrNotFound, info.State)
		}
		dead, err := i.cancelFound(ctx, p, info)
		if !errors.Is(err, ErrNotFound) {
			return dead, err
		}
	}
	return false, fmt.Errorf("%w at rest: it moved on at each of %d looks; try again", ErrNotFound, cancelTries)
}

// cancelFound cancels a job where it was seen. ErrNotFound if it is not there any more.
func (i *Inspector) cancelFound(ctx context.Context, p place, info JobInfo) (dead bool, err error) {
	e, body, err := i.original(ctx, p, info)
	if err != nil {
		return false, err
	}
	m := *e.meta
	m.Redelivered = info.Redelivered
	k, order := p.keys, i.order(ctx)
	keys := []string{
		k.stream, k.dead(), k.deadIDs(), k.totals(), k.cancelled(), k.workers(), k.delayed(), k.retrying(), k.bodies(),
	}
	if m.Unique != "" {
		keys = append(keys, k.unique(m.Unique))
	}
	verdict, err := scriptCancel.Run(ctx, i.rdb, keys,
		p.group(), e.id, e.stream, body, order.encode(), int64(cancelKept.Seconds()),
		fieldID, e.id, fieldKind, e.kind, fieldData, e.data, fieldMeta, m.encode(),
		"error", order.asError(nil).Error(), "reason", ReasonByPerson, "worker", info.Worker,
		"died_ms", order.At.UnixMilli()).Int()
	if err == nil && verdict == 0 {
		err = ErrNotFound
	}
	return verdict == 2, err
}

// original reads a job as it is in Redis: its entry in the stream, or its body.
func (i *Inspector) original(ctx context.Context, p place, info JobInfo) (e entry, body string, err error) {
	if info.Entry == "" {
		body, err = i.rdb.HGet(ctx, p.keys.bodies(), info.ID).Result()
		return decodeBody(info.ID, body), body, notFoundIfNil(err)
	}
	found, err := i.rdb.XRange(ctx, p.keys.stream, info.Entry, info.Entry).Result()
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return e, "", err
	}
	return p.decode(found[0]), "", nil
}

// asError says who cancelled a job, and what its handler said to that.
func (o *Order) asError(said error) error {
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
func (t *task) cancel(order *Order) {
	order.heard = monotonic()
	if t.order.CompareAndSwap(nil, order) {
		t.ctx.heed()
	}
}

// readOrder reads who has cancelled the job, when it was found out in the last moment.
func (t *task) readOrder() *Order {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ses.ctx), t.ses.w.cfg.Lease)
	defer cancel()
	text, _ := t.ses.w.rdb.HGet(ctx, t.ses.keys.cancelled(), t.stream).Result()
	t.order.CompareAndSwap(nil, decodeOrder(text))
	return t.order.Load()
}

// heedCancels asks which of the jobs in this worker's hands were cancelled. It is asked only while there are orders
// that nobody has heeded.
func (ses *session) heedCancels(ctx context.Context) {
	const atOnce = 500
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	for tasks := range slices.Chunk(ses.heldTasks(), atOnce) {
		entries := make([]string, len(tasks))
		for n, t := range tasks {
			entries[n] = t.stream
		}
		orders, err := ses.w.rdb.HMGet(ctx, ses.keys.cancelled(), entries...).Result()
		if err != nil {
			ses.trouble("look for cancelled jobs", err)
			return
		}
		for n, order := range orders {
			if text, ok := order.(string); ok {
				tasks[n].cancel(decodeOrder(text))
			}
		}
	}
}

// heldTasks lists the jobs in this session's hands whose handlers have not returned, in the order in which they move.
func (ses *session) heldTasks() []*task {
	held := ses.w.slots.tasks(ses.backlog)
	for i := range ses.w.hands {
		if t := ses.w.hands[i].Load(); t != nil && t.ses == ses {
			held = append(held, ses.w.slots.riders(t)...)
		}
	}
	return held
}

// forgetCancels drops orders whose jobs ended before a worker heard of them.
func (ses *session) forgetCancels(ctx context.Context) {
	const atOnce = 50
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	err := scriptForget.Run(ctx, ses.w.rdb, []string{ses.keys.stream, ses.keys.cancelled()}, ses.binding.group(), atOnce).Err()
	if err != nil {
		ses.trouble("forget cancelled jobs", err)
	}
}
