package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	defaultPage = 50
	maxPage     = 1000
)

func (p Page) limit() int64 {
	if p.Limit <= 0 {
		return defaultPage
	}
	return int64(min(p.Limit, maxPage))
}

// Waiting lists jobs that were not delivered yet, the oldest first.
func (i *Inspector) Waiting(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateWaiting, queue, page)
}

// InFlight lists jobs that were delivered and not acknowledged, the oldest entry first: those that workers hold, and
// those parked under ~orphans and ~released for the next worker with a free slot.
func (i *Inspector) InFlight(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateInFlight, queue, page)
}

// Delayed lists jobs that are due later, the next first. Jobs that become due between two pages are not seen twice.
func (i *Inspector) Delayed(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateDelayed, queue, page)
}

// Retrying lists jobs that wait for their next attempt, the next first.
func (i *Inspector) Retrying(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateRetrying, queue, page)
}

// Dead lists the dead, those that died first at the front.
func (i *Inspector) Dead(ctx context.Context, queue string, page Page) (JobPage, error) {
	return i.list(ctx, StateDead, queue, page)
}

func (i *Inspector) list(ctx context.Context, state State, queue string, page Page) (JobPage, error) {
	p, err := i.find(ctx, queue)
	if err == nil {
		var jobs JobPage
		switch state {
		case StateWaiting:
			jobs, err = i.waiting(ctx, p, page)
		case StateInFlight:
			jobs, err = i.inFlight(ctx, p, page)
		case StateDead:
			jobs, err = i.dead(ctx, p, page)
		case StateDelayed:
			jobs, err = i.scheduled(ctx, p, p.keys.delayed(), state, page)
		case StateRetrying:
			jobs, err = i.scheduled(ctx, p, p.keys.retrying(), state, page)
		default:
			err = fmt.Errorf("no list of %q jobs", state)
		}
		if err == nil {
			return jobs, nil
		}
	}
	return JobPage{}, fmt.Errorf("queue: list %s jobs of %s: %w", state, queue, err)
}

func (i *Inspector) waiting(ctx context.Context, p place, page Page) (JobPage, error) {
	after := page.Cursor
	if after == "" {
		var err error
		if after, err = i.lastDelivered(ctx, p); err != nil {
			return JobPage{}, err
		}
	}
	entries, err := i.rdb.XRangeN(ctx, p.keys.stream, entryAfter(after), "+", page.limit()).Result()
	if err != nil {
		return JobPage{}, err
	}
	var jobs JobPage
	for _, e := range entries {
		jobs.Jobs = append(jobs.Jobs, p.fromEntry(e, StateWaiting))
		jobs.Next = e.ID
	}
	return jobs.endedBefore(page), nil
}

// endedBefore drops the cursor of a page that was not full.
func (j JobPage) endedBefore(page Page) JobPage {
	if int64(len(j.Jobs)) < page.limit() {
		j.Next = ""
	}
	return j
}

// fromEntry shows an entry of the stream.
func (p place) fromEntry(m redis.XMessage, state State) JobInfo {
	info := p.fromJob(p.decode(m), state)
	info.Entry = m.ID
	return info
}

// decode reads an entry of the stream.
func (p place) decode(m redis.XMessage) entry {
	return decodeEntry(m.ID, messagePairs(m), p.Kind, func(b []byte) string { return string(b) })
}

// messagePairs puts the fields that the client library hands out as a map back in navvy's order; the order of others
// is lost, and by name then.
func messagePairs(m redis.XMessage) []pair {
	fields := make([]pair, 0, len(m.Values))
	add := func(name string) {
		if value, ok := m.Values[name].(string); ok {
			fields = append(fields, pair{[]byte(name), []byte(value)})
			delete(m.Values, name)
		}
	}
	for _, name := range []string{fieldID, fieldKind, fieldData, fieldMeta} {
		add(name)
	}
	for _, name := range sortedKeys(m.Values) {
		add(name)
	}
	return fields
}

func (p place) fromJob(e entry, state State) JobInfo {
	info := JobInfo{
		ID: e.id, Kind: e.kind, Queue: p.name, State: state, Data: showData(e.data),
		Attempt: e.meta.Attempt, MaxAttempts: int(e.meta.MaxAttempts), Redelivered: e.meta.Redelivered,
		Error: e.meta.Error, UniqueKey: e.meta.Unique, EnqueuedAt: timePtr(e.enqueuedAt()),
	}
	if e.err != nil {
		info.Error = e.err.Error()
	}
	return info
}

// showData is data as JSON; what is not JSON becomes a JSON string.
func showData(data []byte) json.RawMessage {
	if len(data) == 0 {
		return nil
	}
	if json.Valid(data) {
		return data
	}
	return appendJSONString(nil, data)
}

func timePtr(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// entryDeleted is the reason that a list gives for a job in flight of which nothing but its entry's ID is left.
const entryDeleted = "its entry was deleted"

func (i *Inspector) inFlight(ctx context.Context, p place, page Page) (JobPage, error) {
	start := "-"
	if page.Cursor != "" {
		start = entryAfter(page.Cursor)
	}
	rows, err := i.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: p.keys.stream, Group: p.group(), Start: start, End: "+", Count: page.limit(),
	}).Result()
	if redis.HasErrorPrefix(err, "NOGROUP") || len(rows) == 0 {
		return JobPage{}, ignoreNoGroup(err)
	}
	pipe := i.rdb.Pipeline()
	entries, orders := make([]*redis.XMessageSliceCmd, len(rows)), make([]*redis.StringCmd, len(rows))
	for n, row := range rows {
		entries[n] = pipe.XRange(ctx, p.keys.stream, row.ID, row.ID)
		orders[n] = pipe.HGet(ctx, p.keys.cancelled(), row.ID)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return JobPage{}, err
	}
	var jobs JobPage
	for n, row := range rows {
		info := JobInfo{ID: row.ID, Queue: p.name, State: StateInFlight, Entry: row.ID, Reason: entryDeleted}
		if found := entries[n].Val(); len(found) == 1 {
			info = p.fromEntry(found[0], StateInFlight)
		}
		info.Worker, info.IdleMS, info.Deliveries = row.Consumer, row.Idle.Milliseconds(), row.RetryCount
		info.Redelivered += int(max(row.RetryCount-1, 0))
		if order := orders[n].Val(); order != "" {
			info.Cancelled = decodeOrder(order)
		}
		jobs.Jobs = append(jobs.Jobs, info)
		jobs.Next = row.ID
	}
	return jobs.endedBefore(page), nil
}

func ignoreNoGroup(err error) error {
	if redis.HasErrorPrefix(err, "NOGROUP") {
		return nil
	}
	return err
}

// scheduled lists a zset of due times. Its cursor is "<due>:<job ID>", the last one seen: the page goes on behind it,
// or, if it has gone meanwhile, behind its time.
func (i *Inspector) scheduled(ctx context.Context, p place, zset string, state State, page Page) (JobPage, error) {
	rows, err := i.scheduledRows(ctx, zset, page)
	if err != nil {
		return JobPage{}, err
	}
	return i.withBodies(ctx, p, state, rows, page)
}

func (i *Inspector) scheduledRows(ctx context.Context, zset string, page Page) ([]redis.Z, error) {
	due, id, _ := strings.Cut(page.Cursor, ":")
	rank := int64(0)
	if id != "" {
		last, err := i.rdb.ZRank(ctx, zset, id).Result()
		if errors.Is(err, redis.Nil) {
			return i.rdb.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
				Key: zset, ByScore: true, Start: "(" + due, Stop: "+inf", Count: page.limit(),
			}).Result()
		}
		if err != nil {
			return nil, err
		}
		rank = last + 1
	}
	return i.rdb.ZRangeWithScores(ctx, zset, rank, rank+page.limit()-1).Result()
}

func formatScore(score float64) string { return strconv.FormatFloat(score, 'f', -1, 64) }

func (i *Inspector) withBodies(ctx context.Context, p place, state State, rows []redis.Z, page Page) (JobPage, error) {
	if len(rows) == 0 {
		return JobPage{}, nil
	}
	ids := make([]string, len(rows))
	for n, row := range rows {
		ids[n], _ = row.Member.(string)
	}
	bodies, err := i.rdb.HMGet(ctx, p.keys.bodies(), ids...).Result()
	if err != nil {
		return JobPage{}, err
	}
	var jobs JobPage
	for n, row := range rows {
		if body, ok := bodies[n].(string); ok { // else it was promoted this moment
			jobs.Jobs = append(jobs.Jobs, p.fromBody(ids[n], body, row.Score, state))
		}
	}
	if int64(len(rows)) == page.limit() {
		jobs.Next = formatScore(rows[len(rows)-1].Score) + ":" + ids[len(ids)-1]
	}
	return jobs, nil
}

func (p place) fromBody(id, body string, due float64, state State) JobInfo {
	info := p.fromJob(decodeBody(id, body), state)
	info.Due = timePtr(time.UnixMilli(int64(due)))
	return info
}

func (i *Inspector) dead(ctx context.Context, p place, page Page) (JobPage, error) {
	start := "-"
	if page.Cursor != "" {
		start = entryAfter(page.Cursor)
	}
	entries, err := i.rdb.XRangeN(ctx, p.keys.dead(), start, "+", page.limit()).Result()
	if err != nil {
		return JobPage{}, err
	}
	var jobs JobPage
	for _, e := range entries {
		jobs.Jobs = append(jobs.Jobs, p.fromDead(e))
		jobs.Next = e.ID
	}
	return jobs.endedBefore(page), nil
}

func (p place) fromDead(m redis.XMessage) JobInfo {
	text := func(name string) string {
		value, _ := m.Values[name].(string)
		return value
	}
	died, _ := strconv.ParseInt(text("died_ms"), 10, 64)
	worker, reason, failure := text("worker"), text("reason"), text("error")
	e := entry{id: text(fieldID), kind: text(fieldKind), data: []byte(text(fieldData))}
	e.meta, _ = decodeMeta([]byte(text(fieldMeta)))
	info := p.fromJob(e, StateDead)
	info.Entry, info.Worker, info.Reason, info.Error = m.ID, worker, reason, failure
	info.EndedAt = timePtr(time.UnixMilli(died))
	return info
}
