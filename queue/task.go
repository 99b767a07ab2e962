package queue

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
)

// task is a job in a worker's hands: from its delivery to its outcome.
type task struct {
	ses           *session
	entryID       string // the ID of its entry
	meta          *meta
	err           error   // why it cannot be run
	kind          *kind   // nil: no handler
	policy        *Policy // nil with kind
	deliveries    int
	crashes       int          // how many workers died with it
	heldSince     int64        // since when it is here, on the monotonic clock
	began         atomic.Int64 // when its handler began, on the monotonic clock; 0 before
	ctx           runContext
	run           Run
	stuckReported bool                        // that its handler is stuck
	cancelled     atomic.Pointer[Attribution] // a person has cancelled it
	batch         *batch
	recorded      atomic.Bool // its success is in Redis
}

func (ses *session) newTask(e entry, deliveries int, now int64) *task {
	t := &task{
		ses: ses, entryID: e.entryID, meta: e.meta, err: e.err, deliveries: deliveries, heldSince: now, kind: ses.w.kinds[e.kind],
	}
	t.ctx.task = t
	if t.kind != nil {
		t.policy = e.meta.policy(&t.kind.policy)
	}
	t.run = Run{
		ID: e.id, Kind: e.kind, Queue: ses.name, Worker: ses.consumer,
		Attempt:     e.meta.Attempt + 1,
		Redelivered: e.meta.Redelivered + max(deliveries-1, 0),
		EnqueuedAt:  e.enqueuedAt(), LastError: e.meta.Error, Data: e.data, task: t,
		Trace: e.meta.Trace, RequestID: e.meta.RequestID,
	}
	if t.policy != nil {
		t.run.MaxAttempts = t.policy.MaxAttempts
	}
	return t
}

// event begins an event of the task.
func (t *task) event(typ EventType) Event {
	return Event{
		Type: typ, Worker: t.run.Worker, Job: t.run.ID, Kind: t.run.Kind,
		Attempt: t.run.Attempt, Redelivered: t.run.Redelivered,
	}
}

// nextMeta is the job's meta when it goes on to another entry after this run.
func (t *task) nextMeta() meta {
	m := *t.meta
	m.Redelivered = t.run.Redelivered
	if _, err := ulid.ParseStrict(t.run.ID); err != nil && m.EnqueuedAt == 0 {
		m.EnqueuedAt = t.run.EnqueuedAt.UnixMilli()
	}
	return m
}

const progressKept = time.Hour

func (t *task) setProgress(ctx context.Context, percent float64, note string) error {
	text, err := json.Marshal(Progress{Percent: percent, Note: note, At: t.ses.w.cfg.Now().UTC()})
	if err != nil {
		return err
	}
	key := t.ses.keys.job(t.run.ID)
	pipe := t.ses.w.rdb.TxPipeline()
	pipe.HSet(ctx, key, "progress", text)
	pipe.PExpire(ctx, key, max(t.policy.Retain, progressKept))
	_, err = pipe.Exec(ctx)
	return err
}
