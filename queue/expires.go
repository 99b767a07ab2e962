package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// ExpiresIn ends the job as expired if no handler has started within d, counted by the client's clock from the call or,
// with [In] or [At], from when the job is due. Redis' clock decides when that is over, as the job comes to a worker: it
// is then kept among the expired jobs for as long as cancelled ones are, and its ID and its unique key are free. Once a
// handler has started, retries and redeliveries do not expire. At least 1ms.
//
// Why: docs/decisions/engine.md#a-job-that-expires-asks-redis-before-it-starts
func ExpiresIn(d time.Duration) EnqueueOption {
	return enqueueOption(func(o *enqueueOptions) {
		if d < time.Millisecond {
			o.errs = append(o.errs, fmt.Errorf("expires in %s: must be at least 1ms", d))
		}
		o.expiresIn = d
	})
}

// expires is when the job must have started, in ms; 0 without [ExpiresIn].
func (o *enqueueOptions) expires(now time.Time, due *time.Time) int64 {
	if o.expiresIn == 0 {
		return 0
	}
	from := now
	if due != nil {
		from = *due
	}
	return wire.CeilMilli(wire.LimitTime(from.Add(o.expiresIn)))
}

// errExpired is why a job did not run.
var errExpired = errors.New("not started in time")

// mayStart reports whether the job's handler may begin. Jobs without [ExpiresIn] ask nobody.
func (t *task) mayStart() bool {
	if t.meta.Expires == 0 {
		return true
	}
	verdict := t.outcome("start", func(context.Context, bool) (wire.Verdict, error) {
		verdict, err := t.ses.movers.starts.move(wire.Start{Entry: t.entry, Expires: t.meta.Expires}, 0)
		if errors.Is(err, wire.ErrLost) {
			t.ses.lose()
			return wire.VerdictNotFound, nil
		}
		return verdict, err
	})
	switch verdict {
	case wire.VerdictDone:
		t.started = true
	case wire.VerdictOther:
		t.expire()
	default:
		t.drop()
	}
	return t.started
}

// start notes the starts of jobs that expire.
func (ses *session) start(ctx context.Context, jobs []wire.Start, _ *wire.Epoch) []wire.Moved {
	return wire.StartJobs(ctx, ses.w.rdb, &ses.queue, ses.consumer, ses.w.clock(), jobs)
}

// expire ends the job without a run.
func (t *task) expire() {
	t.ses.counters.of(t.kind).outcomes[outcomeExpired].Add(1)
	m := t.nextMeta()
	death := &wire.Death{
		ID: t.run.ID, Kind: t.run.Kind, Data: t.run.Data, Meta: m, Error: errExpired.Error(), Reason: wire.ReasonExpired,
		Worker: t.run.Worker, At: t.ses.w.cfg.Now(),
	}
	ok := t.outcome("expire", func(ctx context.Context, cut bool) (wire.Verdict, error) {
		death.Move = t.move(cut)
		return wire.ExpireJob(ctx, t.ses.w.rdb, &t.ses.queue, t.ses.consumer, death)
	}) == wire.VerdictDone
	t.concluded(ok, EventExpired, 0, errExpired, time.Time{})
}
