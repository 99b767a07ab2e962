package inspect

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// verifyCrons looks for cron entries that will never be due again.
func (i *Inspector) verifyCrons(ctx context.Context, q *wire.QueueRef, audit *Audit, progress func(int64)) error {
	return i.walk(ctx, audit, progress, func(ctx context.Context, cursor uint64) ([]string, uint64, error) {
		return i.rdb.HScan(ctx, q.Cron(), cursor, "", chunkJobs).Result()
	}, func(pipe redis.Pipeliner, name, _ string) func() bool {
		now, due := pipe.HGet(ctx, q.Cron(), name), pipe.ZScore(ctx, q.CronNext(), name)
		state := pipe.HExists(ctx, q.CronState(), name)
		return func() bool {
			entry, err := wire.DecodeCronEntry(now.Val())
			return now.Err() == nil && err == nil && entry.Paused == nil && (due.Err() != nil || !state.Val())
		}
	}, "cron entry %[1]s is not paused and has no next tick: pause and resume it")
}

// verifyCronTimes looks for ticks without an entry.
func (i *Inspector) verifyCronTimes(ctx context.Context, q *wire.QueueRef, audit *Audit, progress func(int64)) error {
	return i.walk(ctx, audit, progress, func(ctx context.Context, cursor uint64) ([]string, uint64, error) {
		return i.rdb.ZScan(ctx, q.CronNext(), cursor, "", chunkJobs).Result()
	}, func(pipe redis.Pipeliner, name, _ string) func() bool {
		entry, due := pipe.HExists(ctx, q.Cron(), name), pipe.ZScore(ctx, q.CronNext(), name)
		return func() bool { return !entry.Val() && due.Err() == nil }
	}, "cron entry %s is due at %s and is gone")
}
