package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// lookupScan bounds how many entries of a stream Job looks at to find a job that waits or runs: Redis finds an entry
// by its own ID, not by the job's.
const lookupScan = 10_000

// Job finds a job by its ID, or by the ID of its entry. A job that is dead, delayed, retrying, or done with [Retain]
// is found at once. For one that waits or runs it looks at 10,000 entries in flight and 10,000 waiting that were added
// around the time in the job's ID, and at the 10,000 oldest of both; at those in flight twice, in case it has just
// moved. [ErrNotFound] otherwise.
func (i *Inspector) Job(ctx context.Context, queue, id string) (JobInfo, error) {
	info, _, err := i.locate(ctx, queue, id)
	if err != nil {
		return JobInfo{}, fmt.Errorf("queue: job %s of %s: %w", id, queue, err)
	}
	return info, nil
}

// look is a place where a job may be.
type look func(i *Inspector, ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error)

// looks are the places where a job may be if no result of it is kept, and then, in the order in which it moves, those
// where it may have come meanwhile.
var looks = []look{
	(*Inspector).lookScheduled, (*Inspector).lookDead,
	near(StateInFlight), near(StateWaiting), front(StateInFlight), front(StateWaiting),
	(*Inspector).lookInFlight, (*Inspector).lookScheduled, (*Inspector).lookDead, (*Inspector).lookDone,
}

// locate finds a job and its queue.
func (i *Inspector) locate(ctx context.Context, queue, id string) (JobInfo, *wire.QueueRef, error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return JobInfo{}, q, err
	}
	kept, found, err := i.lookDone(ctx, q, id)
	if found || err != nil {
		return kept, q, err
	}
	for _, look := range looks {
		info, found, err := look(i, ctx, q, id)
		if err != nil {
			return JobInfo{}, q, err
		}
		if found {
			info.Progress = cmp.Or(info.Progress, kept.Progress)
			return info, q, nil
		}
	}
	return JobInfo{}, q,
		fmt.Errorf("%w: not dead, delayed or retrying, no result kept, and not among the entries looked at", ErrNotFound)
}

// lookDone finds a job that was done and is kept for a while. Of any other it returns the progress.
func (i *Inspector) lookDone(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	record, err := i.rdb.HGetAll(ctx, q.Job(id)).Result()
	if err != nil || record["ended_ms"] == "" {
		return JobInfo{Progress: readProgress(record)}, false, err
	}
	return fromRecord(q, id, record), true, nil
}

func (i *Inspector) lookScheduled(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	pipe := i.rdb.Pipeline()
	delayed, retrying := pipe.ZScore(ctx, q.Delayed(), id), pipe.ZScore(ctx, q.Retrying(), id)
	body := pipe.HGet(ctx, q.Bodies(), id)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return JobInfo{}, false, err
	}
	switch {
	case body.Err() != nil:
	case delayed.Err() == nil:
		return fromBody(q, id, body.Val(), delayed.Val(), StateDelayed).shown(), true, nil
	case retrying.Err() == nil:
		return fromBody(q, id, body.Val(), retrying.Val(), StateRetrying).shown(), true, nil
	}
	return JobInfo{}, false, nil
}

// lookDead finds a dead job by its ID or by that of its entry among the dead. Not so on a raw stream: there a job's ID
// is a stream ID itself, and may be that of another job's entry.
func (i *Inspector) lookDead(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	at, err := i.rdb.HGet(ctx, q.DeadIDs(), id).Result()
	if errors.Is(err, redis.Nil) {
		if at, err = id, nil; q.Raw || !isEntry(id) {
			return JobInfo{}, false, nil
		}
	}
	if err != nil {
		return JobInfo{}, false, err
	}
	found, err := i.rdb.XRange(ctx, q.Dead(), at, at).Result()
	if err != nil || len(found) == 0 {
		return JobInfo{}, false, err
	}
	return fromDead(q, found[0]).shown(), true, nil
}

// byID is what finds a job by its ID or its entry's.
func byID(state State, id string) scanSpec {
	return scanSpec{
		state: state, countOnce: true,
		match: func(job *JobInfo) bool { return job.ID == id || job.Entry == id },
		entry: func(m redis.XMessage) bool { return m.ID == id || m.Values[wire.FieldID] == id },
	}
}

// near looks among the entries of a state that were added when the job was enqueued: where it is unless it was delayed
// or retried.
func near(state State) look {
	return func(i *Inspector, ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
		at, ok := idTime(id)
		if !ok {
			return JobInfo{}, false, nil
		}
		from := max(at.Add(-time.Second).UnixMilli(), 0) // a program may give its entries IDs such as 1-1
		return i.first(ctx, q, byID(state, id), strconv.FormatInt(from, 10)+"-0")
	}
}

// front looks among the oldest entries of a state.
func front(state State) look {
	return func(i *Inspector, ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
		return i.first(ctx, q, byID(state, id), "")
	}
}

// lookInFlight finds a job in flight.
func (i *Inspector) lookInFlight(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	job, found, err := near(StateInFlight)(i, ctx, q, id)
	if found || err != nil {
		return job, found, err
	}
	return front(StateInFlight)(i, ctx, q, id)
}

// first looks at so many jobs for the first that fits.
func (i *Inspector) first(ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string) (JobInfo, bool, error) {
	found, err := i.scan(ctx, q, s, Page{Cursor: cursor, Limit: 1, MaxScan: lookupScan})
	if err != nil || len(found.Jobs) == 0 {
		return JobInfo{}, false, err
	}
	return found.Jobs[0], true, nil
}

// idTime reads the time in a job's ID, a ULID or, on a raw stream, a stream ID.
func idTime(id string) (time.Time, bool) {
	if parsed, err := ulid.ParseStrict(id); err == nil {
		return ulid.Time(parsed.Time()), true
	}
	entry, _ := redisx.ParseStreamID(id)
	return entry.Time(), entry.Ms > 0
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// isEntry reports whether a text may be the ID of an entry.
func isEntry(id string) bool {
	entry, _ := redisx.ParseStreamID(id)
	return entry.Ms > 0
}
