package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Heartbeat tells how the consumer that holds a job in flight is.
type Heartbeat string

// What is known of a job's holder.
const (
	HeartbeatAlive  Heartbeat = "alive"  // its worker has renewed its lease in time
	HeartbeatLate   Heartbeat = "late"   // more than half of the lease has passed without a beat
	HeartbeatGone   Heartbeat = "gone"   // the lease has ended, or the consumer never had one
	HeartbeatParked Heartbeat = "parked" // nobody holds it: it waits for the next free slot
)

// cancelPatience is how long a cancelled job's handler may take to return before it counts as stuck: a beat, and some.
const cancelPatience = 3 * time.Second

// entryDeleted is the reason that a list gives for a job in flight of which nothing but its entry's ID is left.
const entryDeleted = "its entry was deleted"

// inFlight lists the group's pending entries. Rows that cannot match are dropped before their entries are read.
func (i *Inspector) inFlight(ctx context.Context, p place, s scanSpec, cursor string, n int) (c chunk, err error) {
	start := "-"
	if cursor != "" {
		start = entryAfter(cursor)
	}
	rows, err := i.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: p.keys.stream, Group: p.group(), Start: start, End: "+", Count: int64(n), Consumer: s.consumer,
	}).Result()
	if err = ignoreNoGroup(err); err != nil || len(rows) == 0 {
		return c, err
	}
	c.read = len(rows)
	c.behind(rows[len(rows)-1].ID, n)
	if s.row != nil {
		rows = slices.DeleteFunc(rows, func(row redis.XPendingExt) bool { return !s.row(row) })
	}
	err = i.pending(ctx, p, s, rows, &c)
	return c, err
}

func ignoreNoGroup(err error) error {
	if redis.HasErrorPrefix(err, "NOGROUP") {
		return nil
	}
	return err
}

// pending reads the entries of pending rows, and what is known of those who hold them, in one round trip.
func (i *Inspector) pending(ctx context.Context, p place, s scanSpec, rows []redis.XPendingExt, c *chunk) error {
	if len(rows) == 0 {
		return nil
	}
	pipe := i.rdb.Pipeline()
	view := newFleetView(ctx, pipe, p, rows)
	runs := newPendingEntries(ctx, pipe, p.keys.stream, rows)
	if err := execute(ctx, pipe); err != nil {
		return err
	}
	entries, err := runs.entries(ctx, i.rdb)
	if err != nil {
		return err
	}
	for k, row := range rows {
		job := JobInfo{ID: row.ID, Queue: p.name, State: StateInFlight, Entry: row.ID, Reason: entryDeleted}
		job.source = entry{entryID: row.ID, id: row.ID, meta: noMeta}
		if found, ok := entries[row.ID]; ok {
			c.bytes += messageSize(found)
			if s.entry != nil && !s.entry(found) {
				continue
			}
			job = p.fromEntry(found, StateInFlight)
		}
		job.Worker, job.IdleMS, job.Deliveries = row.Consumer, row.Idle.Milliseconds(), row.RetryCount
		job.Redelivered += int(max(row.RetryCount-1, 0))
		view.judge(&job, k)
		c.add(job)
	}
	return nil
}

// fleetView is what Redis knows, at one moment, of those who hold some entries.
type fleetView struct {
	rows      []redis.XPendingExt
	consumers []string
	now       *redis.TimeCmd
	leases    *redis.FloatSliceCmd
	last      *redis.ZSliceCmd // the lease that ends last: of a living worker, if there is one
	workers   map[string]*redis.SliceCmd
	crashed   *redis.SliceCmd
	cancelled *redis.SliceCmd
	paused    *redis.IntCmd
}

func newFleetView(ctx context.Context, pipe redis.Pipeliner, p place, rows []redis.XPendingExt) *fleetView {
	v := &fleetView{rows: rows, workers: map[string]*redis.SliceCmd{}}
	entries := make([]string, len(rows))
	for k, row := range rows {
		entries[k] = row.ID
		if _, known := v.workers[row.Consumer]; !known {
			v.consumers = append(v.consumers, row.Consumer)
			v.workers[row.Consumer] = pipe.HMGet(ctx, p.keys.worker(row.Consumer), "lease_ms", "max_crashes", "stuck")
		}
	}
	v.now = pipe.Time(ctx)
	v.leases = pipe.ZMScore(ctx, p.keys.workers(), v.consumers...)
	v.last = pipe.ZRevRangeWithScores(ctx, p.keys.workers(), 0, 0)
	v.crashed = pipe.HMGet(ctx, p.keys.crashed(), entries...)
	v.cancelled = pipe.HMGet(ctx, p.keys.cancelled(), entries...)
	v.paused = pipe.Exists(ctx, p.keys.paused())
	return v
}

// holder is a consumer as it is now.
type holder struct {
	ends       time.Time // of its lease; zero if it has none
	lease      time.Duration
	maxCrashes int
	stuck      []string // entries whose handlers ignore their cancelled contexts
}

// newHolder is a consumer whose lease ends then, 0 for none, and has that length, 0 for an unknown one.
func newHolder(endsMS float64, leaseMS int64) holder {
	h := holder{lease: time.Duration(leaseMS) * time.Millisecond}
	if endsMS > 0 {
		h.ends = time.UnixMilli(int64(endsMS))
	}
	if h.lease == 0 {
		h.lease = DefaultLease
	}
	return h
}

func (v *fleetView) holder(consumer string) holder {
	ends := 0.0
	if k := slices.Index(v.consumers, consumer); k >= 0 && k < len(v.leases.Val()) {
		ends = v.leases.Val()[k]
	}
	text := func(k int) string {
		if cells := v.workers[consumer].Val(); k < len(cells) {
			value, _ := cells[k].(string)
			return value
		}
		return ""
	}
	ms, _ := strconv.ParseInt(text(0), 10, 64)
	h := newHolder(ends, ms)
	if h.maxCrashes, _ = strconv.Atoi(text(1)); h.maxCrashes == 0 {
		h.maxCrashes = DefaultMaxCrashes
	}
	h.stuck = strings.Fields(text(2))
	return h
}

func (h holder) heartbeat(consumer string, now time.Time) Heartbeat {
	switch left := h.ends.Sub(now); {
	case consumer == parkOrphans || consumer == parkReleased:
		return HeartbeatParked
	case left <= 0:
		return HeartbeatGone
	case left < h.lease/2:
		return HeartbeatLate
	}
	return HeartbeatAlive
}

// judge says of the k-th row how its holder is, and what happens next.
func (v *fleetView) judge(job *JobInfo, k int) {
	if names, ok := v.crashed.Val()[k].(string); ok {
		job.Crashes = len(strings.Fields(names))
	}
	if order, ok := v.cancelled.Val()[k].(string); ok {
		job.Cancelled = decodeAttribution(order)
	}
	now, h := v.now.Val(), v.holder(job.Worker)
	job.Heartbeat = h.heartbeat(job.Worker, now)
	job.Stuck = slices.Contains(h.stuck, job.Entry) || job.Heartbeat == HeartbeatGone || job.Heartbeat == HeartbeatLate ||
		job.Cancelled != nil && now.Sub(job.Cancelled.At) > cancelPatience
	at := time.Time{}
	job.NextStep, at = v.nextStep(job, h, now)
	job.NextAt = timePtr(at)
}

// nextStep says what happens next to a job in flight, and when if that is known.
func (v *fleetView) nextStep(job *JobInfo, h holder, now time.Time) (step string, at time.Time) {
	alive := len(v.last.Val()) > 0 && v.last.Val()[0].Score > float64(now.UnixMilli())
	idle := time.Duration(job.IdleMS) * time.Millisecond
	switch {
	case job.Heartbeat == HeartbeatAlive && job.Cancelled != nil:
		return "cancelled: ends when its handler returns", at
	case job.Heartbeat == HeartbeatAlive && job.Stuck:
		return "keeps its slot until its handler returns", at
	case job.Heartbeat == HeartbeatAlive && job.Crashes > 0 && job.Crashes >= h.maxCrashes-1:
		return "runs; dead after the next crash", at
	case job.Heartbeat == HeartbeatAlive:
		return "runs", at
	case job.Heartbeat == HeartbeatLate:
		return untilThen("reclaimed unless its worker beats", h.ends, now)
	case !alive:
		return "waits: no worker serves this queue", at
	case job.Heartbeat == HeartbeatParked && job.Crashes >= h.maxCrashes:
		return "dead when a worker takes it", at
	case job.Heartbeat == HeartbeatParked && v.paused.Val() == 1:
		return "parked, runs when the queue is resumed", at
	case job.Heartbeat == HeartbeatParked:
		return "parked, runs in the next free slot", at
	case !h.ends.IsZero():
		return untilThen("reclaimed", now, now)
	case strings.Contains(job.Worker, incarnation):
		return untilThen("reclaimed", now.Add(h.lease-idle), now)
	}
	return untilThen("reclaimed", now.Add(DefaultForeignIdle-idle), now)
}

// untilThen says when something happens.
func untilThen(what string, at, now time.Time) (string, time.Time) {
	left := at.Sub(now)
	if left < 100*time.Millisecond {
		return what + " any moment", now
	}
	return fmt.Sprintf("%s in %s", what, left.Round(100*time.Millisecond)), at
}

// isPending tells whether an entry is in flight.
func (i *Inspector) isPending(ctx context.Context, p place, entry string) (bool, error) {
	rows, err := i.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: p.keys.stream, Group: p.group(), Start: entry, End: entry, Count: 1,
	}).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return len(rows) == 1, ignoreNoGroup(err)
}
