package queue

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// runSlot runs one job after the other until the worker has ended. A handler that ends the goroutine of its slot ends
// nothing else: its job is settled by then, and another goroutine takes the slot over.
func (w *Worker) runSlot(slot *atomic.Pointer[task]) {
	ended := false
	defer func() {
		if !ended {
			w.tasks.Go(func() { w.runSlot(slot) })
		}
	}()
	for t := w.dispatcher.next(slot); t != nil; t = w.dispatcher.next(slot) {
		if t.batch != nil {
			w.runBatch(t)
		} else {
			t.execute()
		}
	}
	ended = true
}

// execute runs the job and settles its outcome.
func (t *task) execute() {
	defer t.ses.untrack(t)
	if reason, err := t.unfit(); reason != "" {
		t.bury(reason, err)
		return
	}
	if t.kind == nil {
		t.awaitKind()
		return
	}
	if !t.mayStart() {
		return
	}
	t.ses.noteBegun(t)
	now := time.Now()
	if !t.ses.validAt(int64(now.Sub(epoch))) {
		t.drop()
		return
	}
	t.begin(now)
	defer t.end() // also when the handler ends the goroutine
	handler := t.kind.handler
	if t.ses.w.cfg.Observer != nil {
		handler = t.observed
	}
	handler.call(&t.ctx, &t.run, &t.returned)
}

// end settles the run when its handler has returned or will never.
func (t *task) end() {
	ran := t.runningFor()
	t.ctx.finish(ran)
	t.settle(t.returned, ran)
}

// begin notes that the handler begins now.
func (t *task) begin(now time.Time) {
	t.began.Store(int64(now.Sub(epoch)))
	t.waited(now)
}

// observed is the job's handler, after the observer was notified of its start.
func (t *task) observed(ctx context.Context, run *Run) error {
	t.observeStart()
	return t.kind.handler(ctx, run)
}

func (t *task) observeStart() {
	e := t.event(EventStarted)
	e.Queue, e.Time = t.run.Queue, t.ses.w.cfg.Now()
	e.Wait = e.Time.Sub(t.run.EnqueuedAt)
	t.ses.w.observer.call(e)
}

// unfit returns why a job cannot be run at all, or must not be run again.
func (t *task) unfit() (reason string, err error) {
	switch {
	case t.cancelled.Load() != nil:
		return wire.ReasonByPerson, t.cancelled.Load().CancelledError(nil)
	case t.err != nil:
		return wire.ReasonUndecodable, t.err
	case t.kind == nil && t.unknownLeft() <= 0:
		return wire.ReasonUnknownKind, fmt.Errorf("no handler for kind %q in worker %s", t.run.Kind, t.run.Worker)
	case t.crashes >= t.ses.w.cfg.MaxCrashes:
		return wire.ReasonCrashed, fmt.Errorf("%d workers died while they held it: %s", t.crashes, t.crashedWorkers())
	}
	return "", nil
}

// hasNotes reports whether something was noted about the job beside its entry.
func (t *task) hasNotes() bool {
	return t.suspicion != wire.NotSuspect || t.cancelled.Load() != nil || t.started
}

// forget drops what was noted about jobs whose outcome is in Redis now: which workers died with them, and that a person
// has cancelled them. What a failure leaves behind ends with the hashes. A job without an outcome keeps its notes: they
// are for the worker that takes it over.
func (ses *session) forget(tasks ...*task) {
	var noted, cancelled, started []string
	for _, t := range tasks {
		if t.hasNotes() {
			noted = append(noted, t.entry.ID, wire.BeganField(t.entry))
		}
		if t.started {
			started = append(started, t.entry.ID)
		}
		if t.cancelled.Load() != nil {
			cancelled = append(cancelled, t.entry.ID)
		}
	}
	if len(noted) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), ses.w.cfg.Lease)
	defer cancel()
	_ = ses.w.rdb.HDel(ctx, ses.queue.Crashed(), noted...).Err()
	if len(started) > 0 {
		_ = ses.w.rdb.HDel(ctx, ses.queue.Started(), started...).Err()
	}
	if len(cancelled) > 0 {
		_ = ses.w.rdb.HDel(ctx, ses.queue.Cancelled(), cancelled...).Err()
	}
}

// runningFor is how long the handler has been running; 0 before it began.
func (t *task) runningFor() time.Duration {
	if began := t.began.Load(); began > 0 {
		return time.Duration(monotonic() - began)
	}
	return 0
}

// isStuck reports whether the handler goes on a while after its context was cancelled.
func (t *task) isStuck() bool {
	const patience = time.Second
	ran := t.runningFor()
	if ran <= patience {
		return false
	}
	cancelled := t.cancelled.Load()
	return ran-patience > t.timeout() || t.ses.ctx.Err() != nil ||
		t.batch == nil && cancelled != nil && monotonic() > cancelled.noticed+int64(patience)
}
