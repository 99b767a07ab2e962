package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	cronAhead  = time.Second // of what is due later, a heartbeat comes in time
	cronLate   = time.Second // what is overdue by more is everybody's
	cronLook   = 100         // entries that are looked at in one go
	cronJobs   = 100         // jobs of one call, or of one entry
	cronBytes  = 256 << 10   // of their data
	cronRepair = time.Minute // how often a tick is looked at whose spec is not understood
)

// cron is the chore that enqueues the jobs of cron entries which are due. Other workers than the caretaker do it if an
// entry is overdue: the caretaker may not read specs, or is just dying.
//
// Why: docs/decisions/engine.md#a-tick-of-cron-is-compared-and-no-scheduler-is-elected
func (ses *session) cron(ctx context.Context) (next time.Duration, err error) {
	if ses.w.cfg.Cron.Parse == nil {
		return 0, nil
	}
	if err := ses.declareCrons(ctx); err != nil {
		return 0, fmt.Errorf("declare cron entries: %w", err)
	}
	clock := ses.w.clock()
	due, now, wait, err := wire.DueCron(ctx, ses.w.rdb, &ses.queue, clock, cronLook)
	if err != nil {
		return 0, err
	}
	if len(due) == 0 {
		return ses.cronIn(wait), nil
	}
	wait, err = ses.tickAll(ctx, clock, due, now)
	if err != nil {
		return 0, err
	}
	return ses.cronIn(wait), nil
}

// tickAll does what is to be done about entries that are due, so much at once as a call may take. It returns in how
// long the next one is.
func (ses *session) tickAll(
	ctx context.Context, clock wire.Clock, due []wire.CronDue, now time.Time,
) (wait time.Duration, err error) {
	var ticks []wire.CronTick
	jobs, size := 0, 0
	for i := range due {
		tick := wire.CronTick{CronDue: &due[i]}
		err = errors.Join(err, ses.planCron(&tick, now))
		ticks, jobs = append(ticks, tick), jobs+len(tick.Ticks)
		size += len(tick.Ticks) * len(tick.Entry.Data)
		if i+1 < len(due) && jobs < cronJobs && size < cronBytes {
			continue
		}
		changed, next, failed := wire.TickCron(ctx, ses.w.rdb, &ses.queue, clock, now, ticks)
		if failed != nil {
			return 0, errors.Join(err, failed)
		}
		if wait = next; changed > 0 {
			wait = 0
		}
		ticks, jobs, size = ticks[:0], 0, 0
	}
	return wait, err
}

// cronIn is when the chore is to be done next, if something is due in so long: 0 if a heartbeat comes before that.
func (ses *session) cronIn(wait time.Duration) (next time.Duration) {
	if wait < 0 || wait > cronAhead {
		return 0
	}
	next = max(wait, time.Nanosecond) // 0 would be as usual
	ses.cronAt.set(next)
	return next
}

// applyCron arranges the chore by what a heartbeat has seen.
func (ses *session) applyCron(reply *wire.HeartbeatReply) {
	overdue := reply.HasCron && reply.NextCron < -cronLate
	ses.cronOverdue.Store(overdue)
	switch {
	case overdue, !ses.declared.Load() && len(ses.declares) > 0:
		ses.signalChore(choreCron)
	case reply.HasCron && reply.Caretaker && reply.NextCron <= cronAhead:
		if wait := max(reply.NextCron, 0); ses.cronAt.bringForward(wait) {
			time.AfterFunc(wait, func() { ses.signalChore(choreCron) })
		}
	}
}

// hasOwnCrons reports whether this worker does the chore cron though it is not the caretaker.
func (ses *session) hasOwnCrons() bool {
	return ses.valid() && (ses.cronOverdue.Load() || !ses.declared.Load() && len(ses.declares) > 0)
}

// planCron decides what is to be done about an entry that is due. One whose spec is not understood is looked at again
// later: another worker may understand it, or a person mend it.
func (ses *session) planCron(t *wire.CronTick, now time.Time) error {
	if t.Next, t.Due = t.State.Tick, now.Add(cronRepair); t.Next.IsZero() {
		t.Next = now
	}
	if t.Err != nil {
		return fmt.Errorf("cron entry %s: %w", t.Name, t.Err)
	}
	next, err := ses.w.cfg.Cron.Parse(t.Entry.Spec)
	if err != nil {
		return fmt.Errorf("cron entry %s: %w", t.Name, err)
	}
	p := schedule{next}.plan(t.State, &t.Entry, now)
	t.Ticks, t.Missed, t.Next = p.ticks, p.missed, p.next
	t.Due = ses.w.cronDue(t.Next, &t.Entry)
	return nil
}

// cronDue is when a tick of an entry is due.
func (w *Worker) cronDue(tick time.Time, e *wire.CronEntry) time.Time {
	return tick.Add(time.Duration(w.cfg.Rand() * float64(e.JitterFor())))
}
