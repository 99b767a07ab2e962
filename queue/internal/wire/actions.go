package wire

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Requeue brings a dead job back to the end of the stream, with the entry's data.
func Requeue(ctx context.Context, rdb redis.Scripter, q *QueueRef, e *Entry) VerdictCmd {
	m := *e.Meta
	m.Attempt, m.Redelivered, m.Error = 0, 0, ""
	return VerdictCmd{scriptRequeue.Eval(ctx, rdb, []string{q.Stream, q.Dead(), q.DeadIDs(), q.Totals()},
		e.ID, e.Ref.ID, e.Kind, e.Data, m.Encode())}
}

// Delete is a job to delete, wherever it was last seen.
type Delete struct {
	ID, Unique string
	Entry      EntryRef // in the stream; the zero value if it is not there
	Dead       EntryRef // among the dead
}

// DeleteJob deletes a job and sets its unique key free.
func DeleteJob(ctx context.Context, rdb redis.Scripter, q *QueueRef, d Delete) VerdictCmd {
	keys := []string{
		q.Stream, q.Delayed(), q.Retrying(), q.Bodies(), q.Dead(), q.DeadIDs(), q.Totals(), q.Job(d.ID),
	}
	if d.Unique != "" {
		keys = append(keys, q.Unique(d.Unique))
	}
	return VerdictCmd{scriptDelete.Eval(ctx, rdb, keys, d.ID, q.Group, d.Entry.ID, d.Dead.ID)}
}

// cancelKept is how long a cancellation is kept that no worker applies.
const cancelKept = 24 * time.Hour

// Cancel is a job to cancel.
type Cancel struct {
	Entry EntryRef // in the stream; the zero value of a delayed or retrying job
	Body  string   // of a delayed or retrying job
	By    Attribution
	Now   bool // bury it at once, whichever worker runs it
	Death Death
}

// CancelJob ends a job: at once if no worker runs it, else with the next heartbeat of its worker.
func CancelJob(ctx context.Context, rdb redis.Scripter, q *QueueRef, c *Cancel) VerdictCmd {
	keys := []string{
		q.Stream, q.Dead(), q.DeadIDs(), q.Totals(), q.Cancelled(), q.Workers(), q.Delayed(), q.Retrying(), q.Bodies(),
	}
	if c.Death.Meta.Unique != "" {
		keys = append(keys, q.Unique(c.Death.Meta.Unique))
	}
	how := "cancel"
	if c.Now {
		how = "bury"
	}
	args := append([]any{
		q.Group, c.Death.ID, c.Entry.ID, c.Body, c.By.Encode(), int64(cancelKept.Seconds()), how,
	}, c.Death.fields()...)
	return VerdictCmd{scriptCancel.Eval(ctx, rdb, keys, args...)}
}

// ExpireCancels drops cancellations of jobs that have ended, if they are older than minAge. It looks at count of them.
func ExpireCancels(ctx context.Context, rdb redis.Scripter, q *QueueRef, count int, minAge time.Duration) error {
	return scriptExpireCancels.Run(ctx, rdb, []string{q.Stream, q.Cancelled()},
		q.Group, count, minAge.Milliseconds()).Err()
}
