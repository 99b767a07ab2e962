package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// settle turns what the handler returned into the job's next step.
func (t *task) settle(err error, took time.Duration) {
	switch {
	case err == nil:
		t.ended(outcomeDone, took)
		t.done(took)
	case t.ses.ctx.Err() != nil: // not the job's fault: the worker stops, or lost its lease
		t.drop()
	default:
		t.settleError(err, took)
	}
}

func (t *task) settleError(err error, took time.Duration) {
	j := t.judge(err)
	if by := t.cancelled.Load(); by != nil {
		t.fail(wire.ReasonByPerson, by.CancelledError(j.Err), took)
		return
	}
	switch {
	case j.Kind == OutcomeSnoozed:
		t.retry(j, took)
	case j.Kind == OutcomeCancelled:
		t.fail(wire.ReasonCancelled, j.Err, took)
	case j.Kind == OutcomeUndecoded:
		t.fail(wire.ReasonUndecodable, j.Err, took)
	case t.run.Attempt >= t.run.MaxAttempts:
		t.fail(wire.ReasonAttempts, j.Err, took)
	default:
		t.retry(j, took)
	}
}

// done acknowledges the job: with others, or on its own with its result if it is to be kept. The next job that may
// crash this worker is not taken before one that might have is acknowledged: it would be counted as another crash of
// both.
func (t *task) done(took time.Duration) {
	if t.policy.Retain <= 0 {
		t.reportLostResult()
		a, job := t.ses.acker, doneJob{task: t, took: took}
		if t.isPrime() && !a.await(job) || !t.isPrime() && !a.add(job) {
			t.drop()
		}
		return
	}
	record := wire.Record{
		Guarded: t.meta.Guarded,
		ID:      t.run.ID, Kind: t.run.Kind, Worker: t.run.Worker, Unique: t.meta.Unique, Until: t.meta.Until,
		Trace: t.meta.Trace, RequestID: t.meta.RequestID, Data: t.run.Data, Result: t.run.result, Attempt: t.run.Attempt,
		Redelivered: t.run.Redelivered, EnqueuedAt: t.run.EnqueuedAt, EndedAt: t.ses.w.cfg.Now(), Took: took,
		Progress: t.recordedProgress(), Keep: t.policy.Retain,
	}
	t.detach(len(record.Data)+len(record.Result), func() {
		ok := t.outcome("acknowledge", func(_ context.Context, cut bool) (wire.Verdict, error) {
			if record.Move = t.move(cut); cut {
				t.cutRecord(&record)
			}
			return t.ses.movers.records.move(record, len(record.Data)+len(record.Result))
		}) == wire.VerdictDone
		t.recorded.Store(ok)
		t.concluded(ok, EventDone, took, nil, time.Time{})
	})
}

// retry puts the job off: after a failed attempt, or snoozed, which burns none.
func (t *task) retry(j judgement, took time.Duration) {
	m, typ, outcome := t.nextMeta(), EventSnoozed, outcomeSnoozed
	failed := j.Kind.burnsAttempt()
	if failed {
		typ, outcome = EventFailed, outcomeFailed
		m.Attempt++
		m.Error = errorText(j.Err)
	}
	t.ended(outcome, took)
	t.detach(len(t.run.Data), func() { t.putOff(m, j, typ, took) })
}

// putOff moves the job to a later time.
func (t *task) putOff(m wire.Meta, j judgement, typ EventType, took time.Duration) {
	due := wire.LimitTime(t.ses.now().Add(j.delay)) // for the event: Redis has the last word
	later := wire.Retry{ID: t.run.ID, Kind: t.run.Kind, Data: t.run.Data, Meta: m, Delay: j.delay}
	mover := &t.ses.movers.snoozes
	if typ == EventFailed {
		mover = &t.ses.movers.retries
	}
	verdict := t.outcome("retry", func(_ context.Context, cut bool) (wire.Verdict, error) {
		if later.Move = t.move(cut); cut {
			later.Meta.Error = cutError(m.Error, t.meta.Error)
		}
		return mover.move(later, len(later.Data)+len(later.Meta.Error))
	})
	if verdict == wire.VerdictOther { // a person has cancelled it
		t.buryAs(m, wire.ReasonByPerson, t.readCancellation().CancelledError(j.Err), took)
		return
	}
	t.ses.promoteOwn(j.delay)
	t.concluded(verdict == wire.VerdictDone, typ, took, j.Err, due)
}

// drop gives the outcome up. If the worker stops, leave hands the job back. If the lease was lost, the job is another
// worker's by now; if it is not, it is parked, so that it does not wait until the caretaker finds it.
func (t *task) drop() { t.ses.drop([]*task{t}) }

// drop gives the outcomes of jobs up that began together, or did not begin.
func (ses *session) drop(tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	typ := EventReleased
	if ses.lost() {
		typ = EventDropped
	}
	for _, t := range tasks {
		ses.observe(t.event(typ))
	}
	if typ == EventReleased {
		return
	}
	parking := wire.ParkReleased
	if tasks[0].began.Load() > 0 {
		parking = wire.ParkOrphans
	}
	ses.parkOwn(tasks, parking)
}

// outcome calls the script that makes an outcome so, and returns its verdict. While Redis is in trouble it tries again,
// for nothing is lost as long as the lease holds: the job is this worker's. If Redis stays full, the call is to cut
// what it adds.
func (t *task) outcome(doing string, call func(ctx context.Context, cut bool) (wire.Verdict, error)) wire.Verdict {
	backoff, room := t.ses.newBackoff(), room{}
	for sent := false; ; {
		if !t.ses.valid() {
			return wire.VerdictNotFound
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ses.ctx), t.ses.w.cfg.Lease)
		verdict, err := call(ctx, room.cut)
		cancel()
		if err == nil {
			// After a lost reply, "not yours" means that the first call did it, as long as nobody else can have the job.
			if verdict == wire.VerdictNotFound && sent && t.ses.valid() {
				return wire.VerdictDone
			}
			return verdict
		}
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return wire.VerdictNotFound // Redis lost its data, and the job with it
		}
		sent = sent || mayHaveArrived(err)
		if !isFull(err) {
			t.ses.reportError(doing, err)
		} else if room.refused(backoff, &t.ses.full); t.ses.full.isReportDue() {
			t.ses.reportError(doing, fmt.Errorf("%w; it waits for room, and what it adds is cut then", err))
		}
		backoff.wait(t.ses.settled)
		select {
		case <-t.ses.settled:
			return wire.VerdictNotFound
		default:
		}
	}
}

// move is how an outcome moves the job.
func (t *task) move(cut bool) wire.Move {
	return wire.Move{Entry: t.entry, HeldFor: since(t.heldSince), Epoch: t.epoch, Cut: cut}
}

// concluded ends an outcome: if it counts, what was noted about the job is dropped.
func (t *task) concluded(counts bool, typ EventType, took time.Duration, cause error, due time.Time) {
	if counts {
		t.ses.forget(t)
	} else {
		t.ses.refused.Store(true)
	}
	if t.ses.w.cfg.Observer != nil {
		e := t.outcomeEvent(counts, typ, took)
		e.Err, e.Due = cause, due
		t.ses.observe(e)
	}
}

// outcomeEvent is the event of an outcome, or that it did not count.
func (t *task) outcomeEvent(counts bool, typ EventType, took time.Duration) Event {
	if !counts {
		typ = EventDropped
	}
	e := t.event(typ)
	e.Queue, e.Time, e.Took = t.run.Queue, t.ses.w.cfg.Now(), took
	return e
}
