package inspect

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// cancelPatience is how long a cancelled job's handler may take to return before it counts as stuck: a heartbeat and
// more.
const cancelPatience = 3 * time.Second

// inFlight lists the group's pending entries. Rows that cannot match are dropped before their entries are read.
func (i *Inspector) inFlight(
	ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string, n int,
) (c chunk, err error) {
	start := "-"
	if cursor != "" {
		start = "(" + cursor
	}
	rows, err := i.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: q.Stream, Group: q.Group, Start: start, End: cmp.Or(s.until, "+"), Count: int64(n), Consumer: s.consumer,
	}).Result()
	if err = ignoreNoGroup(err); err != nil || len(rows) == 0 {
		return c, err
	}
	c.read = len(rows)
	c.behind(rows[len(rows)-1].ID, n)
	if s.row != nil {
		rows = slices.DeleteFunc(rows, func(row redis.XPendingExt) bool { return !s.row(row) })
	}
	err = i.pending(ctx, q, s, rows, &c)
	return c, err
}

// pending reads the entries of pending rows, and what is known of their consumers, in one round trip.
func (i *Inspector) pending(
	ctx context.Context, q *wire.QueueRef, s scanSpec, rows []redis.XPendingExt, c *chunk,
) error {
	if len(rows) == 0 {
		return nil
	}
	pipe := i.rdb.Pipeline()
	view := newFleetView(ctx, pipe, q, rows)
	reads := newPendingEntries(ctx, pipe, q.Stream, rows)
	if err := execute(ctx, pipe); err != nil {
		return err
	}
	entries, err := reads.entries(ctx, i.rdb)
	if err != nil {
		return err
	}
	for k, row := range rows {
		ref := wire.EntryRef{ID: row.ID, Lane: q.Lane}
		job := JobInfo{ID: ref.String(), Queue: q.Name, State: StateInFlight, Entry: ref.String(), Reason: entryDeleted}
		job.source = wire.Entry{Ref: ref, ID: job.ID, Meta: wire.NoMeta}
		job.setPriority(q.Lane)
		if found, ok := entries[row.ID]; ok {
			c.bytes += messageSize(found)
			if s.entry != nil && !s.entry(found) {
				continue
			}
			job = fromEntry(q, found, StateInFlight)
		}
		job.Worker, job.IdleMS, job.Deliveries = row.Consumer, row.Idle.Milliseconds(), row.RetryCount
		job.Redelivered += int(max(row.RetryCount-1, 0))
		view.judge(&job, k)
		c.add(job)
	}
	return nil
}
