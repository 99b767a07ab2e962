package queue

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
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
	var (
		snooze      *snoozeError
		cancelled   *cancelError
		undecodable *undecodableError
	)
	switch {
	case t.cancelled.Load() != nil:
		t.fail(wire.ReasonByPerson, t.cancelled.Load().CancelledError(err), took)
	case errors.As(err, &snooze):
		t.retry(err, took, snooze.delay, false)
	case errors.As(err, &cancelled):
		t.fail(wire.ReasonCancelled, err, took)
	case errors.As(err, &undecodable):
		t.fail(wire.ReasonUndecodable, err, took)
	case t.run.Attempt >= t.run.MaxAttempts:
		t.fail(wire.ReasonAttempts, err, took)
	default:
		t.retry(err, took, t.policy.delayAfter(t.run.Attempt, err, t.ses.w.cfg.Rand), true)
	}
}

// done acknowledges the job: with others, or on its own with its result if it is to be kept. The next job that may kill
// this worker is not taken before one that might have is acknowledged: it would be counted as another crash of both.
func (t *task) done(took time.Duration) {
	if t.policy.Retain <= 0 {
		f, job := t.ses.acker, doneJob{task: t, took: took}
		if t.isLastChance() && !f.await(job) || !t.isLastChance() && !f.add(job) {
			t.drop()
		}
		return
	}
	k := t.ses.keys
	args := []any{
		t.ses.binding.GroupName(), t.ses.consumer, t.entryID, t.policy.Retain.Milliseconds(),
		"kind", t.run.Kind, "data", t.run.Data, "attempt", t.run.Attempt, "worker", t.run.Worker,
		"redelivered", t.run.Redelivered, "enqueued_ms", t.run.EnqueuedAt.UnixMilli(),
		"ended_ms", t.ses.w.cfg.Now().UnixMilli(), "took_us", took.Microseconds(),
	}
	for name, value := range map[string]string{"unique": t.meta.Unique, "trace": t.meta.Trace, "request_id": t.meta.RequestID} {
		if value != "" {
			args = append(args, name, value)
		}
	}
	if t.run.result != nil {
		args = append(args, "result", t.run.result)
	}
	ok := t.record("done", wire.ScriptAckRetain,
		[]string{k.Stream, k.Totals(), k.Job(t.run.ID)}, args)
	t.recorded.Store(ok)
	t.concluded(ok, EventDone, took, nil, time.Time{})
}

// retry puts the job off: after a failed attempt, or snoozed, which burns none.
func (t *task) retry(cause error, took, delay time.Duration, failed bool) {
	m, typ, total, zset := t.nextMeta(), EventSnoozed, "snoozed", t.ses.keys.Delayed()
	outcome := outcomeSnoozed
	if failed {
		typ, total, zset = EventFailed, "retried", t.ses.keys.Retrying()
		m.Attempt++
		m.Error = errorText(cause)
		outcome = outcomeFailed
	}
	t.ended(outcome, took)
	due := t.ses.w.cfg.Now().Add(delay)
	k := t.ses.keys
	verdict := t.verdict("retry", wire.ScriptRetry, []string{k.Stream, zset, k.Bodies(), k.Totals(), k.Cancelled()}, []any{
		t.ses.binding.GroupName(), t.ses.consumer, t.entryID, t.run.ID, wire.CeilMilli(due),
		wire.EncodeBody(t.run.Kind, m.Encode(), t.run.Data), total,
	})
	if verdict == verdictCancelled {
		t.buryAs(m, wire.ReasonByPerson, t.readCancellation().CancelledError(cause), took)
		return
	}
	t.concluded(verdict == verdictCounts, typ, took, cause, due)
}

// drop gives the outcome up. If the worker stops, leave hands the job back. If the lease was lost, the job is another
// worker's by now; if it is not, it need not wait until somebody finds it.
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
	where := wire.ParkReleased
	if tasks[0].began.Load() > 0 {
		where = wire.ParkOrphans
	}
	ses.parkOwn(tasks, where)
}

// What a script says about an outcome.
const (
	verdictNotOwned  = 0
	verdictCounts    = 1
	verdictCancelled = 2 // a person has cancelled the job: it must not be tried again
)

// record runs the script that makes an outcome so, and tells whether the outcome counts.
func (t *task) record(doing string, script *redisx.Script, keys []string, args []any) bool {
	return t.verdict(doing, script, keys, args) == verdictCounts
}

// verdict runs a script. While Redis is in trouble it tries again, for nothing is lost as long as the lease holds: the
// job is this worker's.
func (t *task) verdict(doing string, script *redisx.Script, keys []string, args []any) int {
	backoff := newReconnectBackoff(t.ses.w.cfg.Rand)
	for sent := false; ; sent = true {
		if !t.ses.valid() {
			return verdictNotOwned
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ses.ctx), t.ses.w.cfg.Lease)
		verdict, err := script.Run(ctx, t.ses.w.rdb, keys, args...).Int()
		cancel()
		if err == nil {
			if verdict == verdictNotOwned && sent { // after a lost reply, "not yours" means that the first call did it
				return verdictCounts
			}
			return verdict
		}
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return verdictNotOwned // Redis lost its data, and the job with it
		}
		t.ses.reportError(doing, err)
		backoff.wait(t.ses.settled)
		select {
		case <-t.ses.settled:
			return verdictNotOwned
		default:
		}
	}
}

// tell says whether the outcome counts: then what was noted about the job is forgotten.
func (t *task) concluded(counts bool, typ EventType, took time.Duration, cause error, due time.Time) {
	if counts {
		t.ses.forget(t)
	}
	t.report(counts, typ, took, cause, due)
}

// report tells the observer of the outcome, or that it did not count.
func (t *task) report(counts bool, typ EventType, took time.Duration, cause error, due time.Time) {
	if t.ses.w.cfg.Observer == nil {
		return
	}
	if !counts {
		typ = EventDropped
	}
	e := t.event(typ)
	e.Took, e.Err, e.Due = took, cause, due
	t.ses.observe(e)
}
