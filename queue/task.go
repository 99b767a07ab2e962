package queue

import (
	"sync/atomic"

	"github.com/oklog/ulid/v2"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// task is a job that a worker holds: from its delivery to its outcome. The loop that received it sets its fields before
// it is tracked; a field that changes afterwards says which goroutine writes it.
type task struct {
	ses           *session
	entry         wire.EntryRef
	meta          *wire.Meta
	err           error   // why it cannot be run
	kind          *kind   // nil: no handler
	policy        *Policy // nil with kind
	deliveries    int
	crashes       int                          // how many crashes are to its blame
	suspicion     wire.Suspicion               // by the crashes that are noted
	epoch         int64                        // before it was asked for; see wire.Epochs
	heldSince     int64                        // since when this worker holds it, on the monotonic clock
	began         atomic.Int64                 // set by its slot: when its handler began, on the monotonic clock; 0 before
	ctx           runContext                   // of its slot
	run           Run                          // of its slot and its handler
	returned      error                        // of its slot: what the handler returned
	stuckReported atomic.Bool                  // set by the session's heartbeat: EventStuck was reported
	cancelled     atomic.Pointer[cancellation] // set by heartbeat, claim or slot: a person has cancelled it
	batch         *batch                       // set before its handler begins, under the dispatcher's mutex
	started       bool                         // set by its slot: its start is noted, since it expires
	recorded      atomic.Bool                  // set by acker or slot: its success is in Redis
	settledIn     atomic.Bool                  // a prime suspect that others may begin beside
}

// taskSlab is where the tasks of small jobs that are read have their memory, a few at once. They live as long as any of
// them, so they are few, and a job with much data has memory of its own.
type taskSlab struct{ free []task }

const slabTasks = 8 // 4 KiB

func (s *taskSlab) next(e *wire.Entry) *task {
	if len(e.Data) > wire.ArenaText {
		return new(task)
	}
	if len(s.free) == 0 {
		s.free = make([]task, slabTasks)
	}
	t := &s.free[0]
	s.free = s.free[1:]
	return t
}

// newTask makes a task of an entry, in the memory of t.
func (ses *session) newTask(t *task, e *wire.Entry, deliveries int, now, epoch int64) *task {
	t.ses, t.entry, t.meta, t.err, t.kind = ses, e.Ref, e.Meta, e.Err, ses.w.kinds[e.Kind]
	t.deliveries, t.heldSince, t.epoch = deliveries, now, epoch
	t.ctx.task = t
	if t.kind != nil {
		t.policy = jobPolicy(e.Meta, &t.kind.policy)
	}
	t.run = Run{
		ID: e.ID, Kind: e.Kind, Queue: ses.queue.Name, Worker: ses.consumer,
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

// newTasks makes tasks of entries that were not read but claimed or adopted, in that epoch.
func (ses *session) newTasks(deliveries []wire.Delivery, epoch int64) (tasks []*task) {
	defer func() { ses.received.raise(tasks) }()
	now := monotonic()
	tasks = make([]*task, len(deliveries))
	for i, d := range deliveries {
		tasks[i] = ses.newTask(new(task), &d.Entry, d.Deliveries, now, epoch)
		tasks[i].crashes, tasks[i].suspicion = d.Crashes, d.Suspicion
		if d.Cancelled != "" {
			tasks[i].cancel(d.Cancelled)
		}
	}
	return tasks
}

// bytes is how much of a worker's memory the job takes, before its handler has it.
func (t *task) bytes() int { return len(t.run.Data) }

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
	if t.started {
		m.Expires = 0
	}
	m.Unknown = 0 // its kind is known, unless awaitKind says otherwise
	if _, err := ulid.ParseStrict(t.run.ID); err != nil && m.EnqueuedAt == 0 {
		m.EnqueuedAt = t.run.EnqueuedAt.UnixMilli()
	}
	return m
}

// track takes over jobs that were read, and hands them to the dispatcher.
func (ses *session) track(tasks []*task) { ses.trackBy(tasks, ses.w.dispatcher.push) }

// trackFirst takes over jobs that were parked: they go before those that were read.
func (ses *session) trackFirst(tasks []*task) { ses.trackBy(tasks, ses.w.dispatcher.pushFirst) }

func (ses *session) trackBy(tasks []*task, push func(*buffer, []*task) bool) {
	if len(tasks) == 0 {
		return
	}
	ses.tasks.Add(len(tasks))
	for _, t := range tasks {
		ses.w.holdSuspect(t)
	}
	if !push(ses.buffer, tasks) {
		ses.release(tasks)
	}
}

// untrack ends what track began: the session no longer holds the job.
func (ses *session) untrack(t *task) {
	ses.letGoOfSuspect(t)
	ses.tasks.Done()
}
