package inspect

import (
	"context"
	"fmt"
)

// Pause makes the queue's workers start no more jobs: each within a heartbeat, which is half a second with the default
// lease. What runs goes on; what was read ahead and has not started is handed back, without a redelivery; due jobs are
// still promoted, and clients still enqueue. A queue that is paused already stays so, as of the first call.
// [ErrNoQueue] if no program has ever used the queue.
func (i *Inspector) Pause(ctx context.Context, queue string) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return fmt.Errorf("queue: pause %s: %w", queue, err)
	}
	if err := i.rdb.SetNX(ctx, q.Paused(), i.attribution(ctx).Encode(), 0).Err(); err != nil {
		return fmt.Errorf("queue: pause %s: %w", queue, err)
	}
	return nil
}

// Resume makes the workers of a paused queue go on, each within a heartbeat; what was handed back goes first. A queue
// that is not paused stays as it is.
func (i *Inspector) Resume(ctx context.Context, queue string) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return fmt.Errorf("queue: resume %s: %w", queue, err)
	}
	if err := i.rdb.Del(ctx, q.Paused()).Err(); err != nil {
		return fmt.Errorf("queue: resume %s: %w", queue, err)
	}
	return nil
}
