package queue

import "context"

// Enqueuer is what code that enqueues needs of a [Client], so that its tests can run without Redis: package queuetest
// has one that records.
type Enqueuer interface {
	// Enqueue is [Client.Enqueue].
	Enqueue(ctx context.Context, args Args, opts ...EnqueueOption) (*Enqueued, error)
	// EnqueueMany is [Client.EnqueueMany].
	EnqueueMany(ctx context.Context, items []Item) ([]Enqueued, error)
}

var _ Enqueuer = (*Client)(nil)
