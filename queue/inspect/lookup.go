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

// Job finds a job by its ID, by the ID of its entry, or by what [JobInfo.Name] returns. Of several entries of one ID it
// is that of the job which waits or runs, then that of a dead one; "dead:<entry>" names that alone. A job whose ID
// its caller chose is found at once, wherever it is, and so is one that is dead, cancelled, delayed, retrying, or done
// with [Retain]. For any other that waits or runs it looks at 10,000 entries in flight and 10,000 waiting that were
// added when the ID was made, and at the first 10,000 of each, and at 4 MiB of each of these: [ErrNotSeen] if there are
// more, and [ErrNotFound] if there is no such job.
func (i *Inspector) Job(ctx context.Context, queue, id string) (JobInfo, error) {
	info, _, err := i.locate(ctx, queue, id)
	measure(ctx, len(info.Data)+len(info.Result))
	if err != nil {
		return JobInfo{}, fmt.Errorf("queue: job %s of %s: %w", id, queue, err)
	}
	return info, nil
}

// errEnded says that a job has ended, and that nothing is left of it but the guard of its ID.
var errEnded = fmt.Errorf("%w: it has ended, and its ID is guarded for a while", ErrNotFound)

// locate finds a job and its queue.
func (i *Inspector) locate(ctx context.Context, queue, id string) (JobInfo, *wire.QueueRef, error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return JobInfo{}, q, err
	}
	info, found, err := i.lookAt(ctx, q, id, wire.ParsePlace(id))
	if found || err != nil {
		return info, q, err
	}
	noted, info, found, err := i.lookGuarded(ctx, q, id)
	if err != nil {
		return JobInfo{}, q, err
	}
	if !found {
		if info, err = i.lookAround(ctx, q, id, noted); err != nil {
			return JobInfo{}, q, err
		}
	}
	if info.State != StateDone && info.ID != id { // it was found by its entry
		noted.hash, err = i.rdb.HGetAll(ctx, q.Job(info.ID)).Result()
	}
	if info.State != StateDone && err == nil {
		info.Progress, err = i.progressOf(ctx, q, &info, noted.hash)
	}
	return info, q, err
}

// records are what is kept under an ID: how its job has ended, and what its handler has recorded.
type records struct {
	result string
	hash   map[string]string
}

// end is what is kept of the end of a job; without ended_ms if there is none.
func (r *records) end() map[string]string { return wire.DecodeRecord(r.result, r.hash) }

// lookGuarded finds a job by the guard of its ID, and returns the records under that ID. A guard whose job is not where
// it says is read again: the job may have moved.
func (i *Inspector) lookGuarded(ctx context.Context, q *wire.QueueRef, id string) (
	noted records, info JobInfo, found bool, err error,
) {
	for seen := (wire.Place{}); ; {
		pipe := i.rdb.Pipeline()
		guard, hash, result := pipe.HGet(ctx, q.IDs(), id), pipe.HGetAll(ctx, q.Job(id)), pipe.Get(ctx, q.Result(id))
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return noted, info, false, err
		}
		noted = records{result.Val(), hash.Val()}
		place, end := wire.ReadGuard(guard.Val()), noted.end()
		switch {
		case place.Where == wire.HasEnded && end["ended_ms"] != "":
			return noted, fromRecord(q, id, end), true, nil
		case place.Where == wire.HasEnded:
			return noted, info, false, errEnded
		case place == seen: // also without a guard
			return noted, info, false, nil
		}
		if info, found, err = i.lookAt(ctx, q, id, place); found || err != nil {
			return noted, info, found, err
		}
		seen = place
	}
}

// lookAt looks for the job of an ID at one place.
func (i *Inspector) lookAt(ctx context.Context, q *wire.QueueRef, id string, place wire.Place) (JobInfo, bool, error) {
	if entry, is := place.Entry(); is {
		return i.lookEntry(ctx, q, entry.String())
	}
	switch place.Where {
	case wire.InBodies:
		return i.lookScheduled(ctx, q, cmp.Or(place.At, id))
	case wire.InDead:
		return i.lookKeptEntry(ctx, q, StateDead, place.At)
	case wire.InCancelled:
		return i.lookKeptEntry(ctx, q, StateCancelled, place.At)
	case wire.InExpired:
		return i.lookKeptEntry(ctx, q, StateExpired, place.At)
	}
	return JobInfo{}, false, nil
}

// look is a place where a job may be. It notes what it has left out.
type look func(i *Inspector, ctx context.Context, q *wire.QueueRef, id string, left *bool) (JobInfo, bool, error)

// looks are the places where a job may be if no result of it is kept, and then, in the order in which it moves, those
// where it may have come meanwhile.
var looks = []look{
	exact((*Inspector).lookScheduled), exact((*Inspector).lookDead), exact((*Inspector).lookCancelled),
	exact((*Inspector).lookExpired), exact((*Inspector).lookEntry), exact((*Inspector).lookAnyKeptEntry),
	near(StateInFlight), near(StateWaiting), front(StateInFlight), front(StateWaiting),
	near(StateInFlight), front(StateInFlight),
	exact((*Inspector).lookScheduled), exact((*Inspector).lookDead), exact((*Inspector).lookCancelled),
	exact((*Inspector).lookExpired), exact((*Inspector).lookDone),
}

// lookAround finds a job that no guard leads to. Of an ID that navvy made there is one job, so a record of it is its
// end; another ID may have been used again.
func (i *Inspector) lookAround(
	ctx context.Context, q *wire.QueueRef, id string, noted records,
) (JobInfo, error) {
	if end := noted.end(); end["ended_ms"] != "" && (isULID(id) || isEntry(id)) {
		return fromRecord(q, id, end), nil
	}
	left := false
	for _, look := range looks {
		info, found, err := look(i, ctx, q, id, &left)
		if err != nil || found {
			return info, err
		}
	}
	const elsewhere = "not dead, cancelled, expired, delayed or retrying, and no result kept"
	if left {
		return JobInfo{}, fmt.Errorf("%w: %s", ErrNotSeen, elsewhere)
	}
	return JobInfo{}, fmt.Errorf("%w: %s", ErrNotFound, elsewhere)
}

// progressOf is what a job's handler has recorded: under the job's ID, or under its entry if another job of that ID was
// first.
func (i *Inspector) progressOf(
	ctx context.Context, q *wire.QueueRef, job *JobInfo, record map[string]string,
) (*Progress, error) {
	if by := record["entry"]; job.State != StateInFlight || by == "" || by == job.Entry {
		return readProgress(record), nil
	}
	record, err := i.rdb.HGetAll(ctx, q.Job(job.Entry)).Result()
	return readProgress(record), err
}

func exact(look func(*Inspector, context.Context, *wire.QueueRef, string) (JobInfo, bool, error)) look {
	return func(i *Inspector, ctx context.Context, q *wire.QueueRef, id string, _ *bool) (JobInfo, bool, error) {
		return look(i, ctx, q, id)
	}
}

// lookDone finds a job that was done and is kept for a while.
func (i *Inspector) lookDone(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	pipe := i.rdb.Pipeline()
	hash, result := pipe.HGetAll(ctx, q.Job(id)), pipe.Get(ctx, q.Result(id))
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return JobInfo{}, false, err
	}
	end := wire.DecodeRecord(result.Val(), hash.Val())
	if end["ended_ms"] == "" {
		return JobInfo{}, false, nil
	}
	return fromRecord(q, id, end), true, nil
}

// lookScheduled finds a delayed or retrying job by what stands for it in bodies: its ID, unless another job of that ID
// was there first.
func (i *Inspector) lookScheduled(ctx context.Context, q *wire.QueueRef, member string) (JobInfo, bool, error) {
	pipe := i.rdb.Pipeline()
	delayed, retrying := pipe.ZScore(ctx, q.Delayed(), member), pipe.ZScore(ctx, q.Retrying(), member)
	body := pipe.HGet(ctx, q.Bodies(), member)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return JobInfo{}, false, err
	}
	switch {
	case body.Err() != nil:
	case delayed.Err() == nil:
		return fromBody(q, member, body.Val(), delayed.Val(), StateDelayed).shown(), true, nil
	case retrying.Err() == nil:
		return fromBody(q, member, body.Val(), retrying.Val(), StateRetrying).shown(), true, nil
	}
	return JobInfo{}, false, nil
}

func (i *Inspector) lookDead(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	return i.lookKept(ctx, q, StateDead, id)
}

func (i *Inspector) lookCancelled(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	return i.lookKept(ctx, q, StateCancelled, id)
}

func (i *Inspector) lookExpired(ctx context.Context, q *wire.QueueRef, id string) (JobInfo, bool, error) {
	return i.lookKept(ctx, q, StateExpired, id)
}

// lookKept finds a dead or cancelled job by its ID, or by its place.
func (i *Inspector) lookKept(ctx context.Context, q *wire.QueueRef, state State, id string) (JobInfo, bool, error) {
	if place := wire.ParsePlace(id); place.Where == string(state) && isEntry(place.At) {
		return i.lookKeptEntry(ctx, q, state, place.At)
	}
	_, index := keptKeys(q, state)
	at, err := i.rdb.HGet(ctx, index, id).Result()
	if errors.Is(err, redis.Nil) {
		return JobInfo{}, false, nil
	}
	if err != nil {
		return JobInfo{}, false, err
	}
	return i.lookKeptEntry(ctx, q, state, at)
}

// lookAnyKeptEntry finds a dead or cancelled job by that of its entry there. Each stream counts for itself, so an entry
// where jobs wait may have the same ID, and is looked for before. Not on a raw stream: there a job's ID is a stream ID
// itself.
func (i *Inspector) lookAnyKeptEntry(ctx context.Context, q *wire.QueueRef, entry string) (JobInfo, bool, error) {
	if q.Raw {
		return JobInfo{}, false, nil
	}
	job, found, err := i.lookKeptEntry(ctx, q, StateDead, entry)
	if !found && err == nil {
		job, found, err = i.lookKeptEntry(ctx, q, StateCancelled, entry)
	}
	if !found && err == nil {
		job, found, err = i.lookKeptEntry(ctx, q, StateExpired, entry)
	}
	return job, found, err
}

func (i *Inspector) lookKeptEntry(
	ctx context.Context, q *wire.QueueRef, state State, entry string,
) (JobInfo, bool, error) {
	if !isEntry(entry) {
		return JobInfo{}, false, nil
	}
	jobs, _ := keptKeys(q, state)
	found, err := i.rdb.XRange(ctx, jobs, entry, entry).Result()
	if err != nil || len(found) == 0 {
		return JobInfo{}, false, err
	}
	return fromKept(q, found[0], state).shown(), true, nil
}

// lookEntry finds a job that waits or runs by its entry.
func (i *Inspector) lookEntry(ctx context.Context, whole *wire.QueueRef, name string) (JobInfo, bool, error) {
	ref := wire.ParseEntryRef(name)
	in, entry := whole.In(ref.Lane), ref.ID
	q := &in
	if !isEntry(entry) {
		return JobInfo{}, false, nil
	}
	var c chunk
	rows, err := i.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: q.Stream, Group: q.Group, Start: entry, End: entry, Count: 1,
	}).Result()
	if err = ignoreNoGroup(err); err != nil {
		return JobInfo{}, false, err
	}
	if err := i.pending(ctx, q, scanSpec{}, rows, &c); err != nil {
		return JobInfo{}, false, err
	}
	if len(c.jobs) > 0 {
		return c.jobs[0].shown(), true, nil
	}
	waiting, err := i.rdb.XRange(ctx, q.Stream, entry, entry).Result()
	if err != nil || len(waiting) == 0 {
		return JobInfo{}, false, err
	}
	return fromEntry(q, waiting[0], StateWaiting).shown(), true, nil
}

// byID is what finds a job by its ID or its entry's.
func byID(state State, id string) scanSpec {
	return scanSpec{
		state: state, countOnce: true, bytes: lookBytes,
		match: func(job *JobInfo) bool { return job.ID == id || job.Entry == id },
		entry: func(m redis.XMessage) bool { return m.ID == id || m.Values[wire.FieldID] == id },
	}
}

// near looks among the entries of a state that were added when the job was enqueued: where it is unless it was delayed
// or retried. First from that very moment on, then, as clocks differ, among those of the second before.
func near(state State) look {
	return func(i *Inspector, ctx context.Context, q *wire.QueueRef, id string, _ *bool) (JobInfo, bool, error) {
		at, ok := idTime(id)
		if !ok {
			return JobInfo{}, false, nil
		}
		for _, in := range lanesOf(q) {
			job, err := i.nearIn(ctx, q, in.Lane, byID(state, id), at)
			if err != nil || job != nil {
				return found(job), job != nil, err
			}
		}
		return JobInfo{}, false, nil
	}
}

// nearIn looks in one lane.
func (i *Inspector) nearIn(
	ctx context.Context, q *wire.QueueRef, lane wire.Lane, spec scanSpec, at time.Time,
) (*JobInfo, error) {
	spec.oneLane = true
	for _, before := range []time.Duration{time.Millisecond, 20 * time.Millisecond, time.Second} {
		from := strconv.FormatInt(max(at.Add(-before).UnixMilli(), 0), 10) + "-0" // an entry's ID may be as small as 1-1
		cursor := wire.EntryRef{ID: from, Lane: lane}.String()
		job, _, err := i.first(ctx, q, spec, Page{Cursor: cursor, MaxScan: lookupScan})
		if err != nil || job != nil {
			return job, err
		}
		spec.until = from
	}
	return nil, nil
}

// front looks among the oldest entries of a state.
func front(state State) look {
	return func(i *Inspector, ctx context.Context, q *wire.QueueRef, id string, left *bool) (JobInfo, bool, error) {
		job, all, err := i.first(ctx, q, byID(state, id), Page{MaxScan: lookupScan})
		*left = *left || !all
		return found(job), job != nil, err
	}
}

func found(job *JobInfo) JobInfo {
	if job == nil {
		return JobInfo{}
	}
	return *job
}

// first looks at so many jobs for the first that fits, and reports whether those were all.
func (i *Inspector) first(ctx context.Context, q *wire.QueueRef, s scanSpec, page Page) (*JobInfo, bool, error) {
	page.Limit = 1
	found, err := i.scan(ctx, q, s, page)
	if err != nil || len(found.Jobs) == 0 {
		return nil, found.Next == "", err
	}
	return &found.Jobs[0], true, nil
}

// idTime reads the time in a job's ID, a ULID or, on a raw stream, a stream ID.
func idTime(id string) (time.Time, bool) {
	if parsed, err := ulid.ParseStrict(id); err == nil {
		return ulid.Time(parsed.Time()), true
	}
	entry, _ := redisx.ParseStreamID(id)
	return entry.Time(), entry.Ms > 0
}

func isULID(id string) bool {
	_, err := ulid.ParseStrict(id)
	return err == nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// isEntry reports whether a text is the ID of an entry, as Redis writes it.
func isEntry(id string) bool {
	entry, ok := redisx.ParseStreamID(id)
	return ok && entry.String() == id
}
