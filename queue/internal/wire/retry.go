package wire

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Retry is a job that is put off.
type Retry struct {
	Move
	ID, Kind string
	Data     []byte
	Meta     Meta
	Delay    time.Duration
}

// Retries are jobs that are put off together.
type Retries struct {
	Jobs    []Retry
	Clock   Clock
	Snoozed bool // else their attempts failed
}

// RetryLater moves jobs from a worker to later times, [MovesAtOnce] at the most. [VerdictOther] says that a person has
// cancelled a job: it was not moved.
func RetryLater(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, r *Retries, at *Epoch,
) []Moved {
	m := moves[Retry]{jobs: r.Jobs, at: at, move: func(job *Retry) *Move { return &job.Move }, again: noVerdict}
	m.send = func(chosen []int, first, last EntryRef) *redis.Cmd {
		due, total := r.where(q)
		keys := []string{q.Stream, due, q.Bodies(), q.Totals(), q.Cancelled(), q.Metrics(), q.Worker(consumer)}
		if slices.ContainsFunc(chosen, func(i int) bool { return r.Jobs[i].Meta.Guarded }) {
			keys = append(keys, q.IDs())
		}
		args := append(make([]any, 0, 7+5*len(chosen)),
			q.Group, consumer, at, first.ID, last.ID, total, r.Clock.arg(CeilMilli(r.Clock.Own)))
		for _, i := range chosen {
			job := &r.Jobs[i]
			args = append(args, &job.Entry.ID, &job.ID, r.wait(job), job.body(), flag(job.Meta.Guarded))
		}
		return scriptRetry.Run(ctx, rdb, keys, args...)
	}
	m.check = func(job *Retry) (Verdict, error) { return r.check(ctx, rdb, q, consumer, job) }
	return m.run()
}

// where returns where they go, and the name of what counts them.
func (r *Retries) where(q *QueueRef) (due, total string) {
	if r.Snoozed {
		return q.Delayed(), "snoozed"
	}
	return q.Retrying(), "retried"
}

// wait is in how many ms a job is due.
func (r *Retries) wait(job *Retry) int64 {
	return ceilMilliseconds(LimitTime(r.Clock.Own.Add(job.Delay)).Sub(r.Clock.Own))
}

func (j *Retry) body() string { return EncodeBody(j.Kind, j.Meta.Encode(), j.Data) }

func (r *Retries) check(
	ctx context.Context, rdb redis.Scripter, q *QueueRef, consumer string, job *Retry,
) (Verdict, error) {
	due, total := r.where(q)
	keys := []string{q.Stream, due, q.Bodies(), q.Totals(), q.Cancelled(), q.Metrics()}
	if job.Meta.Guarded {
		keys = append(keys, q.IDs())
	}
	args := []any{
		q.Group, consumer, job.Entry.ID, job.ID, r.wait(job), job.body(), total, r.Clock.arg(CeilMilli(r.Clock.Own)),
	}
	n, err := scriptRetryChecked.Run(ctx, rdb, keys, append(args, job.args(job.ID)...)...).Int()
	return Verdict(n), err
}
