package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	maxAckBatch = 1000
	// maxChecked and maxCheckedBytes bound one call of those that look at each entry, with its data.
	maxChecked      = 100
	maxCheckedBytes = 1 << 20
)

// acker acknowledges done jobs in batches. The next batch is sent as soon as the last one is back, so a lone job waits
// for no other and many are acknowledged hundreds at a time.
//
// Why: docs/decisions/engine.md#one-script-acknowledges-done-jobs-fenced-by-the-workers-registration
type acker struct {
	ses  *session
	wake chan struct{} // holds at most one signal

	mu         sync.Mutex    // guards the fields below
	waiting    []doneJob     // added by slots, taken by run
	underWay   []doneJob     // the batch under way; set by run alone
	closed     bool          // set by serve
	failing    chan struct{} // closed when a batch that could not be acknowledged was; nil: there is none. Of run
	unrecorded []doneJob     // done while Redis was away; added by run, taken by recordRest when run has ended
}

// doneJob is a job whose handler returned nil.
type doneJob struct {
	task    *task
	took    time.Duration
	flushed chan struct{} // closed when it was recorded, or cannot be; nil: no slot waits
}

func newAcker(ses *session) *acker {
	return &acker{ses: ses, wake: make(chan struct{}, 1)}
}

// add hands jobs over to be acknowledged; it refuses when the session has ended.
func (a *acker) add(jobs ...doneJob) bool {
	a.mu.Lock()
	closed, first := a.closed, len(a.waiting) == 0
	if !closed {
		a.waiting = append(a.waiting, jobs...)
	}
	a.mu.Unlock()
	if first && !closed {
		a.signal()
	}
	return !closed
}

// await hands a job over and waits until it is acknowledged, or cannot be.
func (a *acker) await(job doneJob) bool {
	job.flushed = make(chan struct{})
	if !a.add(job) {
		return false
	}
	<-job.flushed
	return true
}

func (a *acker) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// close lets run end when it has acknowledged what it can.
func (a *acker) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.signal()
}

func (a *acker) run() {
	for range a.wake {
		for {
			batch, closed := a.swap()
			for chunk := range slices.Chunk(batch, maxAckBatch) {
				a.flush(chunk)
				signalWaiters(chunk)
			}
			if len(batch) > 0 {
				continue
			}
			if closed {
				return
			}
			break
		}
	}
}

// signalWaiters ends the waits for the jobs of a batch.
func signalWaiters(batch []doneJob) {
	for _, job := range batch {
		if job.flushed != nil {
			close(job.flushed)
		}
	}
}

// swap takes what waits, and leaves the memory of the batch before in its place.
func (a *acker) swap() (batch []doneJob, closed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.underWay)
	a.underWay, a.waiting = a.waiting, a.underWay[:0]
	return a.underWay, a.closed
}

// flush acknowledges one batch, again and again while Redis is in trouble, until the lease is lost. What it could not
// record by then is left for when Redis is back.
func (a *acker) flush(batch []doneJob) {
	ses := a.ses
	backoff := ses.newBackoff()
	defer a.recovered()
	for !ses.lost() {
		if ses.valid() { // else a heartbeat that is under way decides
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), ses.w.cfg.Lease)
			err := a.record(ctx, batch)
			cancel()
			if err == nil {
				return
			}
			a.failed()
			ses.reportError("acknowledge", err)
		}
		backoff.wait(ses.ctx.Done())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unrecorded = append(a.unrecorded, batch...)
}

// failed makes what reads new entries wait, see awaitRecorded.
func (a *acker) failed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failing == nil {
		a.failing = make(chan struct{})
	}
}

func (a *acker) isFailing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failing != nil
}

func (a *acker) recovered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failing != nil {
		close(a.failing)
		a.failing = nil
	}
}

// awaitRecorded waits while done jobs cannot be acknowledged: what is read meanwhile would only wait in memory, too.
// Entries can be read and not acknowledged while the queue's slot moves.
func (a *acker) awaitRecorded(done <-chan struct{}) {
	a.mu.Lock()
	failing := a.failing
	a.mu.Unlock()
	if failing == nil {
		return
	}
	select {
	case <-failing:
	case <-done:
	}
}

// record acknowledges jobs: those that this server has given in one step, the others in another, each held against its
// entry. Repeating it is harmless: what is acknowledged already is not counted again, and what another worker has taken
// is left to it.
func (a *acker) record(ctx context.Context, batch []doneJob) error {
	epoch := wire.Epoch{Epochs: a.ses.w.epochs, At: a.ses.w.epochs.Now()}
	isNew := func(job doneJob) bool { return job.task.epoch == epoch.At }
	if len(batch) > 0 && !slices.ContainsFunc(batch, func(job doneJob) bool { return !isNew(job) }) {
		err := a.recordAll(ctx, batch, &epoch)
		if !errors.Is(err, wire.ErrMoved) {
			return err
		}
	}
	return a.recordChecked(ctx, batch)
}

func (a *acker) recordAll(ctx context.Context, batch []doneJob, epoch *wire.Epoch) error {
	ses := a.ses
	done := make([]wire.Done, len(batch))
	for i := range batch {
		t := batch[i].task
		done[i].Entry = &t.entry
		if t.meta.Guarded {
			done[i].ChosenID = &t.run.ID
			if t.meta.Held() != "" {
				done[i].Unique = &t.meta.Unique
			}
		}
	}
	registered, acked, err := wire.Ack(ctx, ses.w.rdb, &ses.queue, ses.consumer, done, epoch)
	if err != nil {
		return err
	}
	if !registered {
		ses.lose()
	}
	a.report(batch, func(entry wire.EntryRef) bool { return registered || slices.Contains(acked, entry.ID) })
	return nil
}

func (a *acker) recordChecked(ctx context.Context, batch []doneJob) error {
	ses, known := a.ses, true
	var acked, others []string
	for rest := batch; len(rest) > 0; {
		n := checkedAtOnce(rest)
		registered, some, foreign, err := wire.AckChecked(ctx, ses.w.rdb, &ses.queue, ses.consumer, toCheck(rest[:n]))
		if err != nil {
			return err
		}
		known = known && registered
		acked, others, rest = append(acked, some...), append(others, foreign...), rest[n:]
	}
	if !known {
		ses.lose()
	}
	if len(others) > 0 {
		ses.refused.Store(true)
	}
	a.report(batch, func(entry wire.EntryRef) bool {
		return slices.Contains(acked, entry.ID) || known && !slices.Contains(others, entry.ID)
	})
	return nil
}

// checkedAtOnce is how many of the jobs, from the first on, one call may look at.
func checkedAtOnce(jobs []doneJob) int {
	n, bytes := 1, jobs[0].task.bytes()
	for n < min(len(jobs), maxChecked) && bytes+jobs[n].task.bytes() <= maxCheckedBytes {
		bytes += jobs[n].task.bytes()
		n++
	}
	return n
}

func toCheck(batch []doneJob) []wire.DoneJob {
	done := make([]wire.DoneJob, len(batch))
	for i, job := range batch {
		t := job.task
		done[i] = wire.DoneJob{Entry: t.entry, ID: t.run.ID, HeldFor: since(t.heldSince), Chosen: t.meta.Guarded}
		if t.meta.Guarded {
			done[i].Unique = t.meta.Held()
		}
	}
	return done
}

// recordRest tries once more to acknowledge what was done while Redis was away: the session is over, and nobody may
// have taken those jobs yet.
func (a *acker) recordRest(ctx context.Context) {
	a.mu.Lock()
	rest := a.unrecorded
	a.unrecorded = nil
	a.mu.Unlock()
	for chunk := range slices.Chunk(rest, maxAckBatch) {
		if err := a.record(ctx, chunk); err != nil {
			a.ses.reportError("acknowledge", err)
			a.report(chunk, func(wire.EntryRef) bool { return false })
		}
	}
}

func (a *acker) report(batch []doneJob, counts func(entry wire.EntryRef) bool) {
	var noted []*task
	for _, job := range batch {
		recorded := counts(job.task.entry)
		job.task.recorded.Store(recorded)
		if recorded && job.task.hasNotes() {
			noted = append(noted, job.task)
		}
	}
	a.ses.forget(noted...)
	if a.ses.w.cfg.Observer == nil {
		return
	}
	a.ses.w.observer.observe(len(batch), func(i int) Event {
		job := batch[i]
		return job.task.outcomeEvent(job.task.recorded.Load(), EventDone, job.took)
	})
}

// entries adds the stream IDs of what is not acknowledged yet.
func (a *acker) entries(to map[wire.EntryRef]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, jobs := range [][]doneJob{a.waiting, a.underWay, a.unrecorded} {
		for _, job := range jobs {
			to[job.task.entry] = true
		}
	}
}
