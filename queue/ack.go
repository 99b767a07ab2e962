package queue

import (
	"context"
	"slices"
	"sync"
	"time"
)

const finishAtOnce = 1000

// finisher acknowledges done jobs in batches. The next batch leaves as soon as the last one is back, so a lone job
// waits for nobody and a flood is acknowledged hundreds at a time.
type finisher struct {
	ses  *session
	wake chan struct{} // holds at most one signal

	mu      sync.Mutex
	waiting []finished
	leaving []finished // the batch under way
	closed  bool

	unrecorded []finished // done while Redis was away
}

// finished is a job whose handler returned nil.
type finished struct {
	task    *task
	took    time.Duration
	flushed chan struct{} // closed when it was recorded, or cannot be; nil: nobody waits
}

func newFinisher(ses *session) *finisher {
	return &finisher{ses: ses, wake: make(chan struct{}, 1)}
}

// add hands jobs over to be acknowledged; it refuses when the session has ended.
func (f *finisher) add(jobs ...finished) bool {
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
func (f *finisher) await(job finished) bool {
	job.flushed = make(chan struct{})
	if !f.add(job) {
		return false
	}
	<-job.flushed
	return true
}

func (f *finisher) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// close lets run end when it has acknowledged what it can.
func (f *finisher) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.signal()
}

func (f *finisher) run() {
	for range f.wake {
		for {
			batch, closed := f.swap()
			for chunk := range slices.Chunk(batch, finishAtOnce) {
				f.flush(chunk)
				release(chunk)
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
func release(batch []finished) {
	for _, job := range batch {
		if job.flushed != nil {
			close(job.flushed)
		}
	}
}

// swap takes what waits, and leaves the room of the batch before in its place.
func (f *finisher) swap() (batch []finished, closed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.leaving)
	f.leaving, f.waiting = f.waiting, f.leaving[:0]
	return f.leaving, f.closed
}

// flush acknowledges one batch, again and again while Redis is in trouble and the lease holds. What it could not record
// by then is left for when Redis is back.
func (f *finisher) flush(batch []finished) {
	ses := f.ses
	pause := newBackoff(ses.w.cfg.Rand)
	for ses.valid() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), ses.w.cfg.Lease)
		err := f.record(ctx, batch)
		cancel()
		if err == nil {
			return
		}
		ses.trouble("finish", err)
		pause.wait(ses.ctx.Done())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unrecorded = append(f.unrecorded, batch...)
}

// record acknowledges jobs in one step. Repeating it is harmless: what is acknowledged already is not counted again, and
// what another worker has taken is left to it.
func (f *finisher) record(ctx context.Context, batch []finished) error {
	ses := f.ses
	args := make([]any, 2, len(batch)+2)
	args[0], args[1] = ses.binding.group(), ses.consumer
	for _, job := range batch {
		args = append(args, &job.task.stream) // a pointer: no copy to the heap
	}
	keys := []string{ses.keys.stream, ses.keys.worker(ses.consumer), ses.keys.totals()}
	reply, err := scriptFinish.Run(ctx, ses.w.rdb, keys, args...).Result()
	if err != nil {
		return err
	}
	if entries, lost := reply.([]any); lost {
		ses.lose()
		f.tell(batch, func(entry string) bool { return slices.Contains(entries, any(entry)) })
		return nil
	}
	f.tell(batch, func(string) bool { return true })
	return nil
}

// recordRest tries once more to acknowledge what was done while Redis was away: the session is over, and nobody may
// have taken those jobs yet.
func (f *finisher) recordRest(ctx context.Context) {
	f.mu.Lock()
	rest := f.unrecorded
	f.unrecorded = nil
	f.mu.Unlock()
	for chunk := range slices.Chunk(rest, finishAtOnce) {
		if err := f.record(ctx, chunk); err != nil {
			f.ses.trouble("finish", err)
			f.tell(chunk, func(string) bool { return false })
		}
	}
}

func (f *finisher) tell(batch []finished, counts func(entry string) bool) {
	var noted []*task
	for _, job := range batch {
		recorded := counts(job.task.stream)
		job.task.recorded.Store(recorded)
		if recorded && job.task.isNoted() {
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
func (f *finisher) entries(to map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, jobs := range [][]finished{f.waiting, f.leaving} {
		for _, job := range jobs {
			to[job.task.stream] = true
		}
	}
}
