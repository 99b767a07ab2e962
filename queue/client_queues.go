package queue

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	noteEvery  = time.Minute     // how often a client notes a queue that it uses, in case the registry was lost
	noteAgain  = 5 * time.Second // how long after it could not be noted
	noteWithin = time.Second     // how long a call waits for that: its job is enqueued by then
)

// clientQueue is a queue that a client uses.
type clientQueue struct {
	wire.QueueRef
	lanes [2]atomic.Pointer[clientQueue] // beside the normal one; made when they are first used
	noted atomic.Int64                   // when it was last noted in the registry, on the monotonic clock
}

// queue remembers the queues that the process uses: they are few, and used many times a second.
func (c *Client) queue(name string) *clientQueue {
	if q, ok := c.queues.Load(name); ok {
		return q.(*clientQueue)
	}
	q := &clientQueue{QueueRef: wire.NewQueueRef(c.cfg.Namespace, name, wire.Binding{})}
	q.noted.Store(-int64(noteEvery))
	known, _ := c.queues.LoadOrStore(name, q)
	return known.(*clientQueue)
}

// in returns the queue in one of its lanes.
func (q *clientQueue) in(lane Lane) *clientQueue {
	if lane == Normal {
		return q
	}
	at := &q.lanes[lane-1]
	if known := at.Load(); known != nil {
		return known
	}
	in := &clientQueue{QueueRef: q.In(lane)}
	in.noted.Store(-int64(noteEvery))
	at.CompareAndSwap(nil, in)
	return at.Load()
}

// isToBeNoted reports whether the caller is to note the queue. It is one caller at a time.
func (q *clientQueue) isToBeNoted(now int64) bool {
	last := q.noted.Load()
	return now-last >= int64(noteEvery) && q.noted.CompareAndSwap(last, now)
}

// noteQueue notes in the registry that a queue is used, once a minute, until the given instant at the latest.
func (c *Client) noteQueue(ctx context.Context, q *clientQueue, now, until int64) {
	if ctx.Err() == nil && q.isToBeNoted(now) {
		c.noteAll(ctx, []*clientQueue{q}, until)
	}
}

// noteAll notes queues, in one round trip. A registry that does not answer holds nobody up for long.
func (c *Client) noteAll(ctx context.Context, queues []*clientQueue, until int64) {
	if len(queues) == 0 {
		return
	}
	names := make([]string, len(queues))
	for i, q := range queues {
		names[i] = q.Name
	}
	ctx, cancel := context.WithTimeout(ctx, min(noteWithin, time.Duration(until-monotonic())))
	defer cancel()
	if err := c.registry.AddQueues(ctx, names...); err == nil {
		return
	}
	again := monotonic() - int64(noteEvery-noteAgain)
	for _, q := range queues {
		q.noted.Store(again)
	}
}

// observeEnqueued notifies the observer.
func (c *Client) observeEnqueued(job *Enqueued) {
	if c.cfg.Observer == nil || job.Duplicate {
		return
	}
	e := Event{Type: EventEnqueued, Time: c.cfg.Now(), Queue: job.Queue, Job: job.ID, Kind: job.Kind}
	if job.Due != nil {
		e.Due = *job.Due
	}
	c.observer.call(e)
}
