package inspect

import (
	"context"
	"slices"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// lanesOf lists the lanes of a queue, the one whose jobs go first at the front: the normal one alone if it has no
// other.
func lanesOf(q *wire.QueueRef) []wire.QueueRef {
	if !q.Laned {
		return []wire.QueueRef{*q}
	}
	lanes := make([]wire.QueueRef, 0, 3)
	for _, lane := range wire.Lanes() {
		lanes = append(lanes, q.In(lane))
	}
	return lanes
}

// lister reads a run of a state's jobs, see [Inspector.chunk].
type lister func(i *Inspector, ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string, n int) (chunk, error)

// inLanes lists the lanes one behind the other. Its cursor has the lane.
func inLanes(list lister) lister {
	return func(i *Inspector, ctx context.Context, q *wire.QueueRef, s scanSpec, cursor string, n int) (chunk, error) {
		lanes, at, behind := lanesOf(q), 0, wire.ParseEntryRef(cursor)
		if cursor != "" {
			at = max(slices.IndexFunc(lanes, func(in wire.QueueRef) bool { return in.Lane == behind.Lane }), 0)
		}
		c, err := list(i, ctx, &lanes[at], s, behind.ID, n)
		switch {
		case c.next != "":
			c.next = wire.EntryRef{ID: c.next, Lane: lanes[at].Lane}.String()
		case at+1 < len(lanes) && !s.oneLane:
			c.next = wire.EntryRef{ID: "0-0", Lane: lanes[at+1].Lane}.String()
		}
		return c, err
	}
}

// backlogs is what is in the streams of all lanes: only the counts are of all.
func (i *Inspector) backlogs(ctx context.Context, q *wire.QueueRef) (sum backlog, err error) {
	for _, in := range lanesOf(q) {
		b, err := i.backlog(ctx, &in)
		if err != nil {
			return sum, err
		}
		sum.waiting, sum.inFlight, sum.leftover = sum.waiting+b.waiting, sum.inFlight+b.inFlight, sum.leftover+b.leftover
	}
	return sum, nil
}

// addLanes adds what is in the lanes beside the normal one to what is known of a queue.
func (i *Inspector) addLanes(ctx context.Context, q *wire.QueueRef, info *QueueInfo) error {
	for _, in := range lanesOf(q) {
		if in.Lane == wire.NormalLane {
			continue
		}
		read := newBacklogRead(ctx, i.rdb, &in)
		if err := ignoreNoKey(read.Err()); err != nil {
			return err
		}
		b, err := i.readBacklog(ctx, &in, read.Val())
		if err != nil {
			return err
		}
		held, err := i.readUnstarted(ctx, &in, read.Val())
		if err != nil {
			return err
		}
		info.Waiting, info.InFlight = info.Waiting+b.waiting, info.InFlight+b.inFlight
		info.Held, info.Leftover = info.Held+held.jobs, info.Leftover+b.leftover
		info.OldestWaiting = max(info.OldestWaiting, oldestOf(i.now(), append(held.oldest, b.first)...))
	}
	return nil
}

// addLaneWorkers adds what workers do in the lanes beside the normal one: a worker has a session in each.
func (i *Inspector) addLaneWorkers(ctx context.Context, q *wire.QueueRef, workers []WorkerInfo) error {
	for _, in := range lanesOf(q) {
		if in.Lane == wire.NormalLane {
			continue
		}
		there, err := i.workersIn(ctx, &in)
		if err != nil {
			return err
		}
		for _, session := range there {
			k := slices.IndexFunc(workers, func(w WorkerInfo) bool {
				return w.Process == session.Process && w.PID == session.PID && w.Host == session.Host
			})
			if k < 0 {
				continue
			}
			w := &workers[k]
			w.InFlight, w.Running = w.InFlight+session.InFlight, w.Running+session.Running
			w.Held, w.Stuck = w.Held+session.Held, w.Stuck+session.Stuck
		}
	}
	return nil
}
