package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const maxAckBatch = 1000

// finisher acknowledges done jobs in batches. The next batch leaves as soon as the last one is back, so a lone job
// waits for nobody and a flood is acknowledged hundreds at a time.
type acker struct {
	ses  *session
	wake chan struct{} // holds at most one signal

	mu       sync.Mutex
	waiting  []doneJob
	underWay []doneJob // the batch under way
	closed   bool

	unrecorded []doneJob // done while Redis was away
}

// finished is a job whose handler returned nil.
type doneJob struct {
	task    *task
	took    time.Duration
	flushed chan struct{} // closed when it was recorded, or cannot be; nil: nobody waits
}

func newAcker(ses *session) *acker {
	return &acker{ses: ses, wake: make(chan struct{}, 1)}
}

// add hands jobs over to be acknowledged; it refuses when the session has ended.
func (f *acker) add(jobs ...doneJob) bool {
	f.mu.Lock()
	closed, first := f.closed, len(f.waiting) == 0
	if !closed {
		f.waiting = append(f.waiting, jobs...)
	}
	f.mu.Unlock()
	if first && !closed {
		f.signal()
	}
	return !closed
}

// await hands a job over and waits until it is acknowledged, or cannot be.
func (f *acker) await(job doneJob) bool {
	job.flushed = make(chan struct{})
	if !f.add(job) {
		return false
	}
	<-job.flushed
	return true
}

func (f *acker) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// close lets run end when it has acknowledged what it can.
func (f *acker) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.signal()
}

func (f *acker) run() {
	for range f.wake {
		for {
			batch, closed := f.swap()
			for chunk := range slices.Chunk(batch, maxAckBatch) {
				f.flush(chunk)
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

// release lets those go who wait for their jobs.
func signalWaiters(batch []doneJob) {
	for _, job := range batch {
		if job.flushed != nil {
			close(job.flushed)
		}
	}
}

// swap takes what waits, and leaves the room of the batch before in its place.
func (f *acker) swap() (batch []doneJob, closed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.underWay)
	f.underWay, f.waiting = f.waiting, f.underWay[:0]
	return f.underWay, f.closed
}

// flush acknowledges one batch, again and again while Redis is in trouble and the lease holds. What it could not record
// by then is left for when Redis is back.
func (f *acker) flush(batch []doneJob) {
	ses := f.ses
	backoff := newReconnectBackoff(ses.w.cfg.Rand)
	for ses.valid() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), ses.w.cfg.Lease)
		err := f.record(ctx, batch)
		cancel()
		if err == nil {
			return
		}
		ses.reportError("finish", err)
		backoff.wait(ses.ctx.Done())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unrecorded = append(f.unrecorded, batch...)
}

// record acknowledges jobs in one step. Repeating it is harmless: what is acknowledged already is not counted again, and
// what another worker has taken is left to it.
func (f *acker) record(ctx context.Context, batch []doneJob) error {
	ses := f.ses
	args := make([]any, 2, len(batch)+2)
	args[0], args[1] = ses.binding.GroupName(), ses.consumer
	for _, job := range batch {
		args = append(args, &job.task.entryID) // a pointer: no copy to the heap
	}
	keys := []string{ses.keys.Stream, ses.keys.Worker(ses.consumer), ses.keys.Totals()}
	reply, err := wire.ScriptAck.Run(ctx, ses.w.rdb, keys, args...).Result()
	if err != nil {
		return err
	}
	if entries, lost := reply.([]any); lost {
		ses.lose()
		f.report(batch, func(entry string) bool { return slices.Contains(entries, any(entry)) })
		return nil
	}
	f.report(batch, func(string) bool { return true })
	return nil
}

// recordRest tries once more to acknowledge what was done while Redis was away: the session is over, and nobody may
// have taken those jobs yet.
func (f *acker) recordRest(ctx context.Context) {
	f.mu.Lock()
	rest := f.unrecorded
	f.unrecorded = nil
	f.mu.Unlock()
	for chunk := range slices.Chunk(rest, maxAckBatch) {
		if err := f.record(ctx, chunk); err != nil {
			f.ses.reportError("finish", err)
			f.report(chunk, func(string) bool { return false })
		}
	}
}

func (f *acker) report(batch []doneJob, counts func(entry string) bool) {
	var noted []*task
	for _, job := range batch {
		recorded := counts(job.task.entryID)
		job.task.recorded.Store(recorded)
		if recorded && job.task.hasNotes() {
			noted = append(noted, job.task)
		}
	}
	f.ses.forget(noted...)
	if f.ses.w.cfg.Observer == nil {
		return
	}
	for _, job := range batch {
		job.task.report(job.task.recorded.Load(), EventDone, job.took, nil, time.Time{})
	}
}

// entries adds the stream IDs of what is not acknowledged yet.
func (f *acker) entries(to map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, jobs := range [][]doneJob{f.waiting, f.underWay} {
		for _, job := range jobs {
			to[job.task.entryID] = true
		}
	}
}
