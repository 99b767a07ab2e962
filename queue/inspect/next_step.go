package inspect

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// fleetView is what Redis knows, at one moment, of the consumers that hold some entries.
type fleetView struct {
	raw bool
	// how long another program's consumer may hold an entry
	foreignIdle time.Duration
	rows        []redis.XPendingExt
	consumers   []string
	now         *redis.TimeCmd
	leases      *redis.FloatSliceCmd
	last        *redis.ZSliceCmd // the lease that ends last: of a living worker, if there is one
	workers     map[string]*redis.SliceCmd
	crashed     *redis.SliceCmd
	cancelled   *redis.SliceCmd
	paused      *redis.IntCmd
}

func newFleetView(ctx context.Context, pipe redis.Pipeliner, q *wire.QueueRef, rows []redis.XPendingExt) *fleetView {
	v := &fleetView{rows: rows, raw: q.Raw, foreignIdle: q.ForeignIdle, workers: map[string]*redis.SliceCmd{}}
	entries := make([]string, len(rows))
	for k, row := range rows {
		entries[k] = row.ID
		if _, known := v.workers[row.Consumer]; !known {
			v.consumers = append(v.consumers, row.Consumer)
			v.workers[row.Consumer] = pipe.HMGet(ctx, q.Worker(row.Consumer),
				"lease_ms", "max_crashes", "stuck", "held", "oldest_held", "runs")
		}
	}
	v.now = pipe.Time(ctx)
	v.leases = pipe.ZMScore(ctx, q.Workers(), v.consumers...)
	v.last = pipe.ZRevRangeWithScores(ctx, q.Workers(), 0, 0)
	v.crashed = pipe.HMGet(ctx, q.Crashed(), entries...)
	v.cancelled = pipe.HMGet(ctx, q.Cancelled(), entries...)
	v.paused = pipe.Exists(ctx, q.Paused())
	return v
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
	h := newHolder(ends, wire.Milliseconds(ms))
	if h.maxCrashes, _ = strconv.Atoi(text(1)); h.maxCrashes == 0 {
		h.maxCrashes = wire.DefaultMaxCrashes
	}
	h.stuck = strings.Fields(text(2))
	h.holds = wire.ReadHolds(text(3), text(4), text(5))
	return h
}

// judge says of the k-th row how its holder is, and what happens next.
func (v *fleetView) judge(job *JobInfo, k int) {
	if names, ok := v.crashed.Val()[k].(string); ok {
		job.Crashes = len(strings.Fields(names))
	}
	if attribution, ok := v.cancelled.Val()[k].(string); ok {
		job.Cancelled = newAttribution(attribution)
	}
	now, h := v.now.Val(), v.holder(job.Worker)
	job.Heartbeat = h.heartbeat(job.Worker, now)
	job.Parked = job.Heartbeat == HeartbeatParked
	job.Stuck = slices.Contains(h.stuck, job.Entry) || job.Heartbeat == HeartbeatGone || job.Heartbeat == HeartbeatLate ||
		job.Cancelled != nil && now.Sub(job.Cancelled.At) > cancelPatience
	at := time.Time{}
	job.Held = job.Heartbeat == HeartbeatAlive && isHeld(h.holds, job.Entry)
	job.NextStep, at = v.nextStep(job, h, now)
	job.NextAt = timePtr(at)
}

// nextStep says what happens next to a job in flight, and when if that is known.
func (v *fleetView) nextStep(job *JobInfo, h holder, now time.Time) (step string, at time.Time) {
	alive := len(v.last.Val()) > 0 && v.last.Val()[0].Score > float64(now.UnixMilli())
	idle := time.Duration(job.IdleMS) * time.Millisecond
	switch {
	case job.Held:
		return "held, not started: waits for a slot of its worker", at
	case job.Heartbeat == HeartbeatAlive && job.Cancelled != nil:
		return "cancelled: ends when its handler returns", at
	case job.Heartbeat == HeartbeatAlive && job.Stuck:
		return "keeps its slot until its handler returns", at
	case job.Heartbeat == HeartbeatAlive && job.Crashes > 0 && job.Crashes >= h.maxCrashes-1:
		return "runs; dead after the next crash", at
	case job.Heartbeat == HeartbeatAlive:
		return "runs", at
	case job.Heartbeat == HeartbeatLate:
		return untilThen("reclaimed unless its worker sends a heartbeat", h.ends, now)
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
	case v.isEarlierSession(job.Worker):
		return untilThen("reclaimed", now.Add(h.lease-idle), now)
	}
	return untilThen("reclaimed", now.Add(v.foreignIdle-idle), now)
}

// isEarlierSession reports whether a consumer without a lease is a worker's session whose registration was lost with
// Redis' data: on a raw stream it is taken for another program's.
func (v *fleetView) isEarlierSession(consumer string) bool {
	_, ok := wire.SplitConsumer(consumer)
	return ok && !v.raw
}

// untilThen says when something happens.
func untilThen(what string, at, now time.Time) (string, time.Time) {
	left := at.Sub(now)
	if left < 100*time.Millisecond {
		return what + " any moment", now
	}
	return fmt.Sprintf("%s in %s", what, left.Round(100*time.Millisecond)), at
}
