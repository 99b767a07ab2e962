package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"
)

// lookupScan bounds how many entries of a stream Job looks at to find a job that waits or runs: Redis finds an entry
// by its own ID, not by the job's.
const lookupScan = 10_000

// Job finds a job by its ID, or by the ID of its entry. A job that is dead, delayed, retrying, or done with [Retain]
// is found at once. For one that waits or runs it looks at 10,000 entries in flight, at 10,000 that were added around
// the time in the job's ID, and at the 10,000 that run next. [ErrNotFound] otherwise.
func (i *Inspector) Job(ctx context.Context, queue, id string) (JobInfo, error) {
	info, _, err := i.locate(ctx, queue, id)
	if err != nil {
		return JobInfo{}, fmt.Errorf("queue: job %s of %s: %w", id, queue, err)
	}
	return info, nil
}

// locate finds a job and its queue.
func (i *Inspector) locate(ctx context.Context, queue, id string) (JobInfo, place, error) {
	p, err := i.find(ctx, queue)
	if err != nil {
		return JobInfo{}, p, err
	}
	record, err := i.rdb.HGetAll(ctx, p.keys.job(id)).Result()
	if err != nil {
		return JobInfo{}, p, err
	}
	if record["ended_ms"] != "" {
		return p.fromRecord(id, record), p, nil
	}
	for _, look := range []func(context.Context, place, string) (JobInfo, bool, error){
		i.lookScheduled, i.lookDead, i.lookInFlight, i.lookWaiting,
	} {
		info, found, err := look(ctx, p, id)
		if err != nil {
			return JobInfo{}, p, err
		}
		if found {
			info.Progress = readProgress(record)
			return info, p, nil
		}
	}
	return JobInfo{}, p, fmt.Errorf("%w: not dead, delayed or retrying, no result kept, and not among the entries looked at", ErrNotFound)
}

// fromRecord shows a job that was done and is kept for a while.
func (p place) fromRecord(id string, record map[string]string) JobInfo {
	n := func(name string) int64 {
		v, _ := strconv.ParseInt(record[name], 10, 64)
		return v
	}
	info := JobInfo{
		ID: id, Kind: record["kind"], Queue: p.name, State: StateDone, Data: showData([]byte(record["data"])),
		Attempt: int(n("attempt")), Redelivered: int(n("redelivered")), Worker: record["worker"],
		Result: showData([]byte(record["result"])), Progress: readProgress(record), UniqueKey: record["unique"],
		EndedAt: timePtr(time.UnixMilli(n("ended_ms"))),
	}
	if ms := n("enqueued_ms"); ms > 0 {
		info.EnqueuedAt = timePtr(time.UnixMilli(ms))
	}
	return info
}

func readProgress(record map[string]string) *Progress {
	var progress Progress
	if record["progress"] == "" || json.Unmarshal([]byte(record["progress"]), &progress) != nil {
		return nil
	}
	return &progress
}

func (i *Inspector) lookScheduled(ctx context.Context, p place, id string) (JobInfo, bool, error) {
	pipe := i.rdb.Pipeline()
	delayed, retrying := pipe.ZScore(ctx, p.keys.delayed(), id), pipe.ZScore(ctx, p.keys.retrying(), id)
	body := pipe.HGet(ctx, p.keys.bodies(), id)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return JobInfo{}, false, err
	}
	switch {
	case body.Err() != nil:
	case delayed.Err() == nil:
		return p.fromBody(id, body.Val(), delayed.Val(), StateDelayed), true, nil
	case retrying.Err() == nil:
		return p.fromBody(id, body.Val(), retrying.Val(), StateRetrying), true, nil
	}
	return JobInfo{}, false, nil
}

func (i *Inspector) lookDead(ctx context.Context, p place, id string) (JobInfo, bool, error) {
	at, err := i.rdb.HGet(ctx, p.keys.deadIDs(), id).Result()
	if errors.Is(err, redis.Nil) {
		if at, err = id, nil; entryTime(id).IsZero() {
			return JobInfo{}, false, nil
		}
	}
	if err != nil {
		return JobInfo{}, false, err
	}
	found, err := i.rdb.XRange(ctx, p.keys.dead(), at, at).Result()
	if err != nil || len(found) == 0 {
		return JobInfo{}, false, err
	}
	return p.fromDead(found[0]), true, nil
}

func (i *Inspector) lookInFlight(ctx context.Context, p place, id string) (JobInfo, bool, error) {
	page := Page{Limit: maxPage}
	for range lookupScan / maxPage {
		jobs, err := i.inFlight(ctx, p, page)
		if err != nil {
			return JobInfo{}, false, err
		}
		for _, job := range jobs.Jobs {
			if job.ID == id || job.Entry == id {
				return job, true, nil
			}
		}
		if page.Cursor = jobs.Next; jobs.Next == "" {
			break
		}
	}
	return JobInfo{}, false, nil
}

// lookWaiting looks where a job of this ID was added if it was never retried, and then at the front.
func (i *Inspector) lookWaiting(ctx context.Context, p place, id string) (JobInfo, bool, error) {
	after, err := i.lastDelivered(ctx, p)
	if err != nil {
		return JobInfo{}, false, err
	}
	starts := []string{after}
	if at, ok := idTime(id); ok && at.After(entryTime(after)) {
		starts = append(starts, strconv.FormatInt(at.Add(-time.Second).UnixMilli(), 10)+"-0")
	}
	for _, start := range slices.Backward(starts) {
		page := Page{Cursor: start, Limit: maxPage}
		for range lookupScan / maxPage {
			jobs, err := i.waiting(ctx, p, page)
			if err != nil {
				return JobInfo{}, false, err
			}
			for _, job := range jobs.Jobs {
				if job.ID == id || job.Entry == id {
					return job, true, nil
				}
			}
			if page.Cursor = jobs.Next; jobs.Next == "" {
				break
			}
		}
	}
	return JobInfo{}, false, nil
}

// idTime reads the time in a job's ID, a ULID or, on a raw stream, a stream ID.
func idTime(id string) (time.Time, bool) {
	if parsed, err := ulid.ParseStrict(id); err == nil {
		return ulid.Time(parsed.Time()), true
	}
	at := entryTime(id)
	return at, !at.IsZero()
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
