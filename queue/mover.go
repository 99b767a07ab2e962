package queue

import (
	"context"
	"runtime"
	"sync"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// movesUnderWay is how many calls of a mover are under way: while Redis works on one, the slots of the other go on.
const movesUnderWay = 2

// mover makes outcomes so that are more than an acknowledgement: those of many slots with one call. What comes while
// others are under way leaves with the next, so a lone job waits for none. The slot waits for the verdict on its job.
//
// Why: docs/decisions/engine.md#outcomes-and-guarded-jobs-travel-in-batches
type mover[J any] struct {
	ses  *session
	send func(ctx context.Context, jobs []J, at *wire.Epoch) []wire.Moved

	mu       sync.Mutex // guards the two below
	waiting  []*moving[J]
	underWay int
}

// moving is a job that is being moved.
type moving[J any] struct {
	job   J
	bytes int
	moved wire.Moved
	done  chan struct{} // closed when it has its verdict
}

// move moves a job with so many bytes, and returns the verdict.
func (m *mover[J]) move(job J, bytes int) (wire.Verdict, error) {
	op := &moving[J]{job: job, bytes: bytes, done: make(chan struct{})}
	m.mu.Lock()
	m.waiting = append(m.waiting, op)
	isFree := m.underWay < movesUnderWay
	if isFree {
		m.underWay++
	}
	m.mu.Unlock()
	if isFree {
		go m.run()
	}
	<-op.done
	return op.moved.Verdict, op.moved.Err
}

// run sends calls until nothing waits.
func (m *mover[J]) run() {
	for batch := m.next(); batch != nil; batch = m.next() {
		m.moveAll(batch)
		runtime.Gosched() // the slots just woken come first: their next outcomes are sent together
	}
}

// next takes what one call may have of the jobs that wait.
func (m *mover[J]) next() []*moving[J] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) == 0 {
		m.underWay--
		return nil
	}
	n, bytes := 1, m.waiting[0].bytes
	for n < min(len(m.waiting), wire.MovesAtOnce) && bytes+m.waiting[n].bytes <= wire.MovesBytesMost {
		bytes += m.waiting[n].bytes
		n++
	}
	batch := m.waiting[:n:n]
	m.waiting = append([]*moving[J](nil), m.waiting[n:]...)
	return batch
}

func (m *mover[J]) moveAll(batch []*moving[J]) {
	jobs := make([]J, len(batch))
	for i, op := range batch {
		jobs[i] = op.job
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.ses.ctx), m.ses.w.cfg.Lease)
	defer cancel()
	epochs := m.ses.w.epochs
	for i, moved := range m.send(ctx, jobs, &wire.Epoch{Epochs: epochs, At: epochs.Now()}) {
		batch[i].moved = moved
		close(batch[i].done)
	}
}

// movers are those of a session, one for each kind of outcome.
type movers struct {
	retries, snoozes mover[wire.Retry]
	records          mover[wire.Record]
	starts           mover[wire.Start]
}

func newMovers(ses *session) *movers {
	m := &movers{}
	m.retries = mover[wire.Retry]{ses: ses, send: ses.putOff(false)}
	m.snoozes = mover[wire.Retry]{ses: ses, send: ses.putOff(true)}
	m.records = mover[wire.Record]{ses: ses, send: ses.retain}
	m.starts = mover[wire.Start]{ses: ses, send: ses.start}
	return m
}

// retain acknowledges jobs and keeps their records.
func (ses *session) retain(ctx context.Context, jobs []wire.Record, at *wire.Epoch) []wire.Moved {
	return wire.AckRetain(ctx, ses.w.rdb, &ses.queue, ses.consumer, jobs, at)
}

// putOff returns what moves jobs to later times.
func (ses *session) putOff(snoozed bool) func(context.Context, []wire.Retry, *wire.Epoch) []wire.Moved {
	return func(ctx context.Context, jobs []wire.Retry, at *wire.Epoch) []wire.Moved {
		later := &wire.Retries{Jobs: jobs, Clock: ses.w.clock(), Snoozed: snoozed}
		return wire.RetryLater(ctx, ses.w.rdb, &ses.queue, ses.consumer, later, at)
	}
}
