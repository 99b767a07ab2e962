package wire

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// SweepLeftovers deletes those of some entries that the group was given and that are not pending, and returns how many.
// shared says that the stream has another group: nothing was deleted.
func SweepLeftovers(ctx context.Context, rdb redis.Scripter, q *QueueRef, entries []EntryRef) (
	deleted int64, shared bool, err error,
) {
	args := make([]any, 1, len(entries)+1)
	args[0] = q.Group
	for _, entry := range entries {
		args = append(args, entry.ID)
	}
	n, err := scriptLeftovers.Run(ctx, rdb, []string{q.Stream, q.Totals()}, args...).Int64()
	return max(n, 0), n < 0, err
}
