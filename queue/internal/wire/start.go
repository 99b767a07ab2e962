package wire

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// startKept is how long the start of a job that expires is noted, after the last that was. With its outcome it goes.
const startKept = 7 * 24 * time.Hour

// Start is a job that expires and is about to start.
type Start struct {
	Entry   EntryRef
	Expires int64 // ms
}

// StartJobs notes that jobs start, [MovesAtOnce] at the most. [VerdictOther] says that one is too late, and did not
// start before; [ErrLost] that the worker has lost its lease.
func StartJobs(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, clock Clock, jobs []Start,
) []Moved {
	args := append(make([]any, 0, 2+2*len(jobs)), clock.arg(clock.Own.UnixMilli()), int64(startKept.Seconds()))
	for i := range jobs {
		args = append(args, &jobs[i].Entry.ID, jobs[i].Expires)
	}
	moved := make([]Moved, len(jobs))
	verdicts, err := readStarts(
		scriptStart.Run(ctx, rdb, []string{q.Started(), q.Worker(consumer), q.Metrics()}, args...), len(jobs))
	for i := range moved {
		if moved[i].Err = err; err == nil {
			moved[i].Verdict = Verdict(verdicts[i])
		}
	}
	return moved
}

func readStarts(cmd *redis.Cmd, jobs int) ([]int64, error) {
	reply, err := cmd.Result()
	if err != nil {
		return nil, err
	}
	if _, lost := reply.(int64); lost {
		return nil, ErrLost
	}
	verdicts, err := cmd.Int64Slice()
	if err == nil && len(verdicts) != jobs {
		err = ErrProtocol
	}
	return verdicts, err
}

// ExpireJob moves a job from a worker to the expired ones, and sets its ID and its unique key free.
func ExpireJob(ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, d *Death) (Verdict, error) {
	keys := []string{q.Stream, q.ExpiredJobs(), q.ExpiredIDs(), q.Totals(), q.IDs(), q.IDsEnds()}
	if d.Meta.Unique != "" {
		keys = append(keys, q.Unique(d.Meta.Unique))
	}
	args := append([]any{q.Group, consumer, d.Entry.ID, d.ID}, d.args(d.ID)...)
	n, err := scriptExpire.Run(ctx, rdb, keys, append(args, d.fields()...)...).Int()
	return Verdict(n), err
}
