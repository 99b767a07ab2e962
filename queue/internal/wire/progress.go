package wire

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"
)

// Progress is what a handler recorded of a run, as the job's record holds it.
type Progress struct {
	Percent float64   `json:"percent"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}

// SetProgress records how far a job is that a worker runs.
func SetProgress(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, id string, entry EntryRef, p *Progress, keep time.Duration,
) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return scriptProgress.Run(ctx, rdb, []string{q.Stream, q.Job(id), q.Job(entry.String())},
		entry.String(), keep.Milliseconds(), text).Err()
}
