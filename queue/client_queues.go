package queue

import (
	"sync/atomic"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// clientQueue is a queue that a client uses.
type clientQueue struct {
	wire.QueueRef
	noted atomic.Int64 // when it was last noted in the registry, on the monotonic clock
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

// enqueued notifies the observer, and once a minute for each queue the registry: the note that is then under way.
func (c *Client) enqueued(job *Enqueued) (noted *note) {
	q, now := c.queue(job.Queue), monotonic()
	if last := q.noted.Load(); now-last >= int64(noteEvery) && q.noted.CompareAndSwap(last, now) {
		noted = c.noter.add(job.Queue)
	}
	if c.cfg.Observer != nil && !job.Duplicate {
		e := Event{Type: EventEnqueued, Time: c.cfg.Now(), Queue: job.Queue, Job: job.ID, Kind: job.Kind}
		if job.Due != nil {
			e.Due = *job.Due
		}
		c.observer.call(e)
	}
	return noted
}
