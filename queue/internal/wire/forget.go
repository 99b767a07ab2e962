package wire

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Forget deletes what belongs to a queue. It reports whether the queue was empty and had no worker and no cron entry:
// else nothing was deleted.
func Forget(ctx context.Context, rdb redis.Scripter, q *QueueRef) (bool, error) {
	raw := ""
	if q.Raw {
		raw = "raw"
	}
	keys := []string{
		q.Stream, q.Delayed(), q.Retrying(), q.Bodies(), q.Dead(), q.CancelledJobs(), q.Workers(), q.Paused(), q.DeadIDs(),
		q.CancelledIDs(), q.Keys.Cancelled(), q.Crashed(), q.Totals(), q.Metrics(), q.IDs(), q.IDsEnds(),
		q.Cron(), q.CronNext(), q.CronState(), q.ExpiredJobs(), q.ExpiredIDs(), q.Started(),
	}
	if q.Laned {
		for _, lane := range []Lane{HighLane, LowLane} {
			in := q.In(lane)
			keys = append(keys, in.Stream, in.Workers(), in.Keys.Cancelled(), in.Crashed(), in.Started())
		}
	}
	n, err := scriptForget.Run(ctx, rdb, keys, raw).Int64()
	return n == 1, err
}
