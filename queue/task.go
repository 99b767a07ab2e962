package queue

import (
	"sync/atomic"

	"github.com/oklog/ulid/v2"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// task is a job in a worker's hands: from its delivery to its outcome.
type task struct {
	ses           *session
	entryID       string // the ID of its entry
	meta          *wire.Meta
	err           error   // why it cannot be run
	kind          *kind   // nil: no handler
	policy        *Policy // nil with kind
	deliveries    int
	crashes       int          // how many workers died with it
	heldSince     int64        // since when it is here, on the monotonic clock
	began         atomic.Int64 // when its handler began, on the monotonic clock; 0 before
	ctx           runContext
	run           Run
	stuckReported bool                         // that its handler is stuck
	cancelled     atomic.Pointer[cancellation] // a person has cancelled it
	batch         *batch
	recorded      atomic.Bool // its success is in Redis
}

func (ses *session) newTask(e wire.Entry, deliveries int, now int64) *task {
	t := &task{
		ses: ses, entryID: e.EntryID, meta: e.Meta, err: e.Err, deliveries: deliveries, heldSince: now, kind: ses.w.kinds[e.Kind],
	}
	t.ctx.task = t
	if t.kind != nil {
		t.policy = jobPolicy(e.Meta, &t.kind.policy)
	}
	t.run = Run{
		ID: e.ID, Kind: e.Kind, Queue: ses.name, Worker: ses.consumer,
		Attempt:     e.Meta.Attempt + 1,
		Redelivered: e.Meta.Redelivered + max(deliveries-1, 0),
		EnqueuedAt:  e.EnqueuedAt(), LastError: e.Meta.Error, Data: e.Data, task: t,
		Trace: e.Meta.Trace, RequestID: e.Meta.RequestID,
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
func (t *task) nextMeta() wire.Meta {
	m := *t.meta
	m.Redelivered = t.run.Redelivered
	if _, err := ulid.ParseStrict(t.run.ID); err != nil && m.EnqueuedAt == 0 {
		m.EnqueuedAt = t.run.EnqueuedAt.UnixMilli()
	}
	return m
}

// hold takes jobs that were read or claimed into the hands of this session.
func (ses *session) track(tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	ses.tasks.Add(len(tasks))
	for _, t := range tasks {
		if t.isLastChance() {
			ses.lastChances.Add(1)
		}
	}
	if !ses.w.dispatcher.push(ses.buffer, tasks) {
		ses.release(tasks)
	}
}

// letGo takes a job off this session's hands.
func (ses *session) untrack(t *task) {
	if t.isLastChance() {
		ses.lastChances.Add(-1)
		ses.signalParked()
	}
	ses.tasks.Done()
}
