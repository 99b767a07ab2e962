package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const progressKept = time.Hour

func (t *task) setProgress(ctx context.Context, percent float64, note string) error {
	text, err := json.Marshal(wire.Progress{Percent: percent, Note: note, At: t.ses.w.cfg.Now().UTC()})
	if err != nil {
		return err
	}
	key := t.ses.keys.Job(t.run.ID)
	pipe := t.ses.w.rdb.TxPipeline()
	pipe.HSet(ctx, key, "progress", text)
	pipe.PExpire(ctx, key, max(t.policy.Retain, progressKept))
	_, err = pipe.Exec(ctx)
	return err
}

// SetProgress records how far the job is, for a person or a program that looks: percent from 0 to 100, and a note.
// It is one round trip to Redis, so call it some times a second at most. The record outlives the run by an hour, or
// by the job's [Retain].
func (r *Run) SetProgress(ctx context.Context, percent float64, note string) error {
	if percent < 0 || percent > 100 {
		return fmt.Errorf("queue: progress of job %s: %v is not between 0 and 100", r.ID, percent)
	}
	return r.task.setProgress(ctx, percent, note)
}
