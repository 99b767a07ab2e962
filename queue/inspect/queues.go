package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// QueueInfo is a queue at a glance.
type QueueInfo struct {
	Name          string        `json:"queue"`
	Stream        string        `json:"stream"`
	Group         string        `json:"group"`
	Raw           bool          `json:"raw,omitempty"` // bound to a stream that others write
	Waiting       int64         `json:"waiting"`
	InFlight      int64         `json:"in_flight"`
	Held          int64         `json:"held"` // of those in flight: not started, held by workers without a slot or parked
	Delayed       int64         `json:"delayed"`
	Retrying      int64         `json:"retrying"`
	Dead          int64         `json:"dead"`
	Cancelled     int64         `json:"cancelled"`         // by a person, and kept for a while
	Expired       int64         `json:"expired"`           // not started in time, and kept for a while
	Workers       int64         `json:"workers"`           // registered; 0 if all leases ended more than half a minute ago
	OldestWaiting time.Duration `json:"oldest_waiting_ns"` // age of the oldest job that is due and has not started
	// Entries that the group has behind it and that are not in flight: consumers of other programs have acknowledged and
	// not deleted them, or a person has set the group to begin behind them. See [Inspector.SweepLeftovers].
	Leftover int64 `json:"leftover,omitempty"`
	// Other groups of the stream: they miss what workers delete.
	OtherGroups []string `json:"other_groups,omitempty"`
	// Kinds of which jobs wait for a worker that has a handler. Such jobs are delayed, see [JobInfo].
	UnknownKinds []UnknownKind `json:"unknown_kinds,omitempty"`
	Paused       *Attribution  `json:"paused,omitempty"` // when and by which person; nil if it is not
	Totals       Totals        `json:"totals"`
	Keys         Keys          `json:"-"`
}

// Count is how many jobs are in a state, 0 for a state that is not counted.
func (q *QueueInfo) Count(s State) int64 {
	row := s.row()
	if row == nil || row.of == nil {
		return 0
	}
	return *row.of(q)
}

// Obstacle says why no waiting job of the queue is started: it is paused, or has no worker; "" if nothing is in the
// way.
func (q *QueueInfo) Obstacle() string {
	switch {
	case q.Paused != nil:
		return "the queue is paused: jobs wait until it is resumed"
	case q.Workers == 0:
		return "no worker serves the queue: jobs wait until one starts"
	}
	return ""
}

// Totals count what has happened to a queue's jobs since it was created. They change in the same atomic step as the
// job itself.
type Totals struct {
	Delayed   int64 `json:"delayed"` // enqueued with a delay
	Done      int64 `json:"done"`
	Retried   int64 `json:"retried"` // failed attempts that are tried again
	Snoozed   int64 `json:"snoozed"`
	Dead      int64 `json:"dead"`
	Promoted  int64 `json:"promoted"`  // delayed and retrying jobs that became due
	Cancelled int64 `json:"cancelled"` // by a person; not dead
	Requeued  int64 `json:"requeued"`  // dead and cancelled jobs brought back
	Deleted   int64 `json:"deleted"`   // by a person
	Expired   int64 `json:"expired"`   // they were not started in time
	Discarded int64 `json:"discarded"` // dead, cancelled and expired jobs that were not kept any longer
}

// Queues lists, by name, the queues that a client or a worker has used.
func (i *Inspector) Queues(ctx context.Context) ([]string, error) {
	names, err := i.registry.Queues(ctx)
	if err != nil {
		return nil, fmt.Errorf("queue: list queues: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// Queue counts the jobs of a queue in two round trips of O(1) commands. [ErrNotFound] if no program has ever used it.
func (i *Inspector) Queue(ctx context.Context, queue string) (QueueInfo, error) {
	info, err := i.queueInfo(ctx, queue)
	if err != nil {
		return QueueInfo{}, fmt.Errorf("queue: inspect %s: %w", queue, err)
	}
	return info, nil
}

func (i *Inspector) queueInfo(ctx context.Context, queue string) (QueueInfo, error) {
	q, err := i.find(ctx, queue)
	if err != nil {
		return QueueInfo{}, err
	}
	pipe := i.rdb.Pipeline()
	stream := newBacklogRead(ctx, pipe, q)
	delayed, retrying := pipe.ZCard(ctx, q.Delayed()), pipe.ZCard(ctx, q.Retrying())
	dead, workers := pipe.XLen(ctx, q.Dead()), pipe.ZCard(ctx, q.Workers())
	cancelled, expired := pipe.XLen(ctx, q.CancelledJobs()), pipe.XLen(ctx, q.ExpiredJobs())
	latest := pipe.ZRevRangeWithScores(ctx, q.Workers(), 0, 0)
	unknown := i.noted(ctx, pipe, q)
	totals, paused := pipe.HGetAll(ctx, q.Totals()), pipe.Get(ctx, q.Paused())
	commands, _ := pipe.Exec(ctx)
	for _, c := range commands {
		if err := ignoreNoKey(c.Err()); err != nil && !errors.Is(err, redis.Nil) {
			return QueueInfo{}, err
		}
	}
	b, err := i.readBacklog(ctx, q, stream.Val())
	if err != nil {
		return QueueInfo{}, err
	}
	held, err := i.readUnstarted(ctx, q, stream.Val())
	if err != nil {
		return QueueInfo{}, err
	}
	kinds, err := i.unknownKinds(ctx, queue, unknown.Val())
	if err != nil {
		return QueueInfo{}, err
	}
	info := QueueInfo{
		UnknownKinds: kinds,
		Name:         queue, Stream: q.Stream, Group: q.Group, Raw: q.Raw,
		Waiting: b.waiting, InFlight: b.inFlight, Held: held.jobs, Leftover: b.leftover, OtherGroups: b.others,
		Delayed: delayed.Val(), Retrying: retrying.Val(), Dead: dead.Val(), Workers: workers.Val(),
		Cancelled: cancelled.Val(), Expired: expired.Val(), Totals: readTotals(totals.Val()), Keys: newKeys(q.Keys),
	}
	if paused.Val() != "" {
		info.Paused = newAttribution(paused.Val())
	}
	if info.Workers > 0 {
		living, err := i.isAnyAlive(ctx, q, latest.Val())
		if err != nil {
			return QueueInfo{}, err
		}
		if !living {
			info.Workers = 0
		}
	}
	info.OldestWaiting = oldestOf(i.now(), append(held.oldest, b.first)...)
	return info, i.addLanes(ctx, q, &info)
}

// goneFor is how long ago the last lease on a queue must have ended for its workers to count as gone: the end is by the
// clock of Redis. Single dead workers are removed by the caretaker; when all are dead, nobody is.
const goneFor = 30 * time.Second

// isAnyAlive reports whether the lease that ends last says that a worker lives. One that lies further ahead than it can
// is of a worker that died before Redis' clock was set back, or is about to renew it: that costs one more round trip.
func (i *Inspector) isAnyAlive(ctx context.Context, q *wire.QueueRef, latest []redis.Z) (bool, error) {
	if len(latest) == 0 {
		return false, nil
	}
	left := time.UnixMilli(wire.ScoreMS(latest[0].Score)).Sub(i.now())
	if left <= wire.DefaultLease+goneFor {
		return left >= -goneFor, nil
	}
	consumer, _ := latest[0].Member.(string)
	ms, err := i.rdb.HGet(ctx, q.Worker(consumer), "lease_ms").Int64()
	if errors.Is(err, redis.Nil) {
		return true, nil
	}
	return left <= wire.Milliseconds(ms)+goneFor, err
}

func readTotals(fields map[string]string) Totals {
	n := func(name string) int64 {
		v, _ := strconv.ParseInt(fields[name], 10, 64)
		return v
	}
	return Totals{
		Delayed: n("scheduled"), Done: n("done"), Retried: n("retried"), Snoozed: n("snoozed"),
		Dead:      n("dead") + n("cancelled_scheduled"),
		Cancelled: n("cancelled") + n("cancelled_delayed"),
		Promoted:  n("promoted"), Requeued: n("requeued") + n("requeued_cancelled"),
		Deleted: n("deleted_stream") + n("deleted_scheduled") + n("deleted_dead") + n("deleted_cancelled") +
			n("deleted_expired"),
		Expired: n("expired"), Discarded: n("expired_dead") + n("expired_cancelled") + n("expired_expired"),
	}
}

// lastDelivered is the stream ID behind which entries wait; "0-0" if there is no group yet.
func (i *Inspector) lastDelivered(ctx context.Context, q *wire.QueueRef) (string, error) {
	groups, err := i.rdb.XInfoGroups(ctx, q.Stream).Result()
	if err != nil && !isNoKey(err) {
		return "", err
	}
	for _, g := range groups {
		if g.Name == q.Group && g.LastDeliveredID != "" {
			return g.LastDeliveredID, nil
		}
	}
	return "0-0", nil
}
