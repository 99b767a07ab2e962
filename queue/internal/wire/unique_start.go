package wire

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// UniqueStart is a job that starts, and holds a unique key until then.
type UniqueStart struct{ ID, Unique string }

// FreeUniques sets the unique keys of jobs free that a worker is about to run, of [MovesAtOnce] at the most.
// [VerdictNotFound] of all if it lost its lease.
func FreeUniques(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, jobs []UniqueStart,
) []Moved {
	keys, args := make([]string, 1, 1+len(jobs)), make([]any, len(jobs))
	keys[0] = q.Worker(consumer)
	for i, job := range jobs {
		keys, args[i] = append(keys, q.Unique(job.Unique)), job.ID
	}
	n, err := scriptUniqueStart.Run(ctx, rdb, keys, args...).Int()
	results := make([]Moved, len(jobs))
	for i := range results {
		results[i] = Moved{Verdict(n), err}
	}
	return results
}
