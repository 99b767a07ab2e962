package inspect

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// SweepLeftovers deletes from a queue's stream what its group has behind it and is not in flight: consumers of other
// programs may leave what they have acknowledged, navvy's own never do. It works in small steps with rests between
// them, up to what was given when it began. After each step progress, unless nil, is called with how many were deleted
// so far; that number is returned, also with an error. [ErrShared] if the stream has another group, which may not have
// read them.
func (i *Inspector) SweepLeftovers(
	ctx context.Context, queue string, progress func(deleted int64),
) (deleted int64, err error) {
	q, err := i.find(ctx, queue)
	if err == nil {
		for _, in := range lanesOf(q) {
			n, failed := i.sweepLeftovers(ctx, &in, func(n int64) {
				if progress != nil {
					progress(deleted + n)
				}
			})
			if deleted += n; failed != nil {
				err = failed
				break
			}
		}
	}
	if err != nil {
		return deleted, fmt.Errorf("queue: sweep %s, after %d entries: %w", queue, deleted, err)
	}
	return deleted, nil
}

func (i *Inspector) sweepLeftovers(
	ctx context.Context, q *wire.QueueRef, progress func(deleted int64),
) (deleted int64, err error) {
	b, err := i.backlog(ctx, q)
	if err != nil {
		return 0, err
	}
	for cursor, size := "-", firstChunk; ; {
		began := time.Now()
		entries, err := i.rdb.XRangeN(ctx, q.Stream, cursor, b.after, int64(size)).Result()
		if err != nil || len(entries) == 0 {
			return deleted, err
		}
		c, refs := chunk{read: len(entries)}, make([]wire.EntryRef, len(entries))
		for k, entry := range entries {
			c.bytes += messageSize(entry)
			refs[k] = wire.EntryRef{ID: entry.ID}
		}
		n, shared, err := wire.SweepLeftovers(ctx, i.rdb, q, refs)
		switch {
		case err != nil:
			return deleted, err
		case shared:
			return deleted, ErrShared
		}
		if deleted += n; progress != nil {
			progress(deleted)
		}
		cursor, size = "("+entries[len(entries)-1].ID, nextChunk(c)
		if err := rest(ctx, began); err != nil {
			return deleted, err
		}
	}
}
