package queue

import (
	"context"
	"slices"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// cancellation is a person's request to end a job.
type cancellation struct {
	wire.Attribution
	noticed int64 // by this worker, on its monotonic clock
}

// cancel notes that a person has cancelled a job that this worker holds. If it has not started, it never will.
func (t *task) cancel(text string) {
	if t.cancelled.CompareAndSwap(nil, &cancellation{Attribution: wire.DecodeAttribution(text), noticed: monotonic()}) {
		t.ctx.cancelRun()
	}
}

// readCancellation reads which person has cancelled the job, when an outcome's script was the first to see it.
func (t *task) readCancellation() *cancellation {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ses.ctx), t.ses.w.cfg.Lease)
	defer cancel()
	text, _ := t.ses.w.rdb.HGet(ctx, t.ses.queue.Cancelled(), t.entry.ID).Result()
	t.cancelled.CompareAndSwap(nil, &cancellation{Attribution: wire.DecodeAttribution(text), noticed: monotonic()})
	return t.cancelled.Load()
}

// applyCancels looks which of the jobs that this worker holds were cancelled. It runs only while there are
// cancellations that no worker has applied.
func (ses *session) applyCancels(ctx context.Context) {
	const atOnce = 500
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	for tasks := range slices.Chunk(ses.heldTasks(), atOnce) {
		entries := make([]string, len(tasks))
		for n, t := range tasks {
			entries[n] = t.entry.ID
		}
		cancellations, err := ses.w.rdb.HMGet(ctx, ses.queue.Cancelled(), entries...).Result()
		if err != nil {
			ses.reportError("look for cancelled jobs", err)
			return
		}
		for n, found := range cancellations {
			if text, ok := found.(string); ok {
				tasks[n].cancel(text)
			}
		}
	}
}

// heldTasks lists the jobs that this session holds and whose handlers have not returned, in the order in which they
// move.
func (ses *session) heldTasks() []*task {
	held := ses.w.dispatcher.tasks(ses.buffer)
	for i := range ses.w.running {
		if t := ses.w.running[i].Load(); t != nil && t.ses == ses {
			held = append(held, ses.w.dispatcher.tasksIn(t)...)
		}
	}
	return held
}

// cancelNoticed is how long every living worker needs at most to notice a cancellation.
const cancelNoticed = 10 * time.Second

// expireCancels drops cancellations of jobs that ended before a worker noticed them.
func (ses *session) expireCancels(ctx context.Context) (next time.Duration, err error) {
	const atOnce = 50
	return 0, wire.ExpireCancels(ctx, ses.w.rdb, &ses.queue, atOnce, cancelNoticed)
}

// Cancel is returned by a handler to give up: the job is dead at once, however many attempts are left.
// A nil err is allowed.
func Cancel(err error) error { return &cancelError{cause: err} }

type cancelError struct{ cause error }

func (e *cancelError) Error() string {
	if e.cause == nil {
		return "cancelled by its handler"
	}
	return e.cause.Error()
}

func (e *cancelError) Unwrap() error { return e.cause }
