package wire

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Requeue brings a dead or cancelled job back to the end of its lane, with the entry's data.
func Requeue(ctx context.Context, rdb redis.Scripter, q *QueueRef, from Ended, e *Entry) VerdictCmd {
	m := *e.Meta
	m.Attempt, m.Redelivered, m.Error, m.Expires = 0, 0, "", 0
	jobs, ids := from.keys(q)
	return VerdictCmd{scriptRequeue.Eval(ctx, rdb, []string{q.laneStream(m.Lane), jobs, ids, q.Totals(), q.IDs()},
		e.ID, e.Ref.ID, e.Kind, e.Data, m.Encode(), string(from))}
}

// Delete is a job to delete where it was last seen.
type Delete struct {
	ID, Unique string
	Place      Place
	Record     string // the ID that its record is kept under
}

// DeleteJob deletes a job, and sets its ID and its unique key free.
func DeleteJob(ctx context.Context, rdb redis.Scripter, q *QueueRef, d Delete) VerdictCmd {
	jobs, ids := Ended(d.Place.Where).keys(q)
	stream := q.Stream
	if entry, is := d.Place.Entry(); is {
		d.Place, stream = PlaceOf(EntryRef{ID: entry.ID}), q.laneStream(entry.Lane)
	}
	keys := []string{
		stream, q.Delayed(), q.Retrying(), q.Bodies(), jobs, ids, q.Totals(), q.Job(d.Record), q.IDs(),
		q.IDsEnds(), q.IDMarker(d.ID), q.Result(d.Record),
	}
	if d.Unique != "" {
		keys = append(keys, q.Unique(d.Unique))
	}
	return VerdictCmd{scriptDelete.Eval(ctx, rdb, keys, d.ID, q.Group, d.Place.Where, d.Place.At)}
}

// cancelKept is how long a cancellation is kept that no worker applies.
const cancelKept = 24 * time.Hour

// Cancel is a job to cancel.
type Cancel struct {
	Entry  EntryRef // in the stream; the zero value of a delayed or retrying job
	Member string   // of a delayed or retrying job: what stands for it in bodies
	Body   string   // likewise
	By     Attribution
	Bury   bool // it is dead at once, whichever worker runs it
	Death  Death
}

// CancelJob ends a job: at once if no worker runs it, else with the next heartbeat of its worker. It is cancelled then,
// or dead.
func CancelJob(ctx context.Context, rdb redis.Scripter, q *QueueRef, c *Cancel) VerdictCmd {
	in := q.In(c.Entry.Lane)
	how, to := "cancel", EndedCancelled
	if c.Bury {
		how, to = "bury", EndedDead
	}
	jobs, ids := to.keys(q)
	keys := []string{
		in.Stream, jobs, ids, q.Totals(), in.Cancelled(), in.Workers(), q.Delayed(), q.Retrying(), q.Bodies(), q.IDs(),
	}
	if c.Death.Meta.Unique != "" {
		keys = append(keys, q.Unique(c.Death.Meta.Unique))
	}
	args := append([]any{
		q.Group, c.Death.ID, c.Entry.ID, c.Body, c.By.Encode(), int64(cancelKept.Seconds()), how, c.Member,
	}, c.Death.fields()...)
	return VerdictCmd{scriptCancel.Eval(ctx, rdb, keys, args...)}
}

// ExpireCancels drops cancellations of jobs that have ended, if they are older than minAge. It looks at count of them.
func ExpireCancels(ctx context.Context, rdb redis.Scripter, q *QueueRef, count int, minAge time.Duration) error {
	return scriptExpireCancels.Run(ctx, rdb, []string{q.Stream, q.Cancelled()},
		q.Group, count, minAge.Milliseconds()).Err()
}
