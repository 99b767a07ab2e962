package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// progressKept is how long a progress outlives its run, unless [Retain] says more.
const progressKept = time.Hour

// SetProgress records how far the job is, for a person or a program that looks: percent from 0 to 100, and a note.
// It is one round trip to Redis, so call it some times a second at most. The record outlives the run by an hour, or
// by the job's [Retain]. A full Redis does not record it, which is no error. Of a run that a test made, it is recorded
// in the run alone.
func (r *Run) SetProgress(ctx context.Context, percent float64, note string) error {
	if !(percent >= 0 && percent <= 100) { // NaN is neither
		return fmt.Errorf("queue: progress of job %s: %v is not between 0 and 100", r.ID, percent)
	}
	r.progress = wire.Progress{Percent: percent, Note: note}
	if r.task == nil {
		return nil
	}
	return r.task.setProgress(ctx, r.progress)
}

// Progress returns what [Run.SetProgress] has recorded last in this run: 0 and "" before.
func (r *Run) Progress() (percent float64, note string) { return r.progress.Percent, r.progress.Note }

func (t *task) setProgress(ctx context.Context, p wire.Progress) error {
	p.At = t.ses.w.cfg.Now().UTC()
	t.run.progress.At = p.At
	err := redisx.WaitOutMove(ctx, func() error {
		return wire.SetProgress(ctx, t.ses.w.rdb, &t.ses.queue, t.run.ID, t.entry, &p, max(t.policy.Retain, progressKept))
	})
	if isFull(err) {
		t.ses.reportBookkeeping("progress", []string{"it is not recorded while Redis is full"})
		return nil
	}
	return err
}

// recordedProgress is what this run has recorded last; nil if nothing.
func (t *task) recordedProgress() *wire.Progress {
	if t.run.progress.At.IsZero() {
		return nil
	}
	return &t.run.progress
}
