package inspect

import (
	"context"
	"fmt"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Idle reports whether a queue has no job, no worker and no pause: [Inspector.Forget] would remove it,
// unless it has cron entries.
func (q QueueInfo) Idle() bool {
	ended := q.Dead + q.Cancelled + q.Expired
	return q.Waiting+q.InFlight+q.Delayed+q.Retrying+ended+q.Leftover+q.Workers == 0 && q.Paused == nil
}

// Forget removes a queue that is empty, has no worker and no cron entry and is not paused: [ErrInUse] if it is not so.
// Its counts go too, and the IDs that it guards are free again; a stream that other programs write stays. The queue is
// there again when a job is enqueued.
func (i *Inspector) Forget(ctx context.Context, queue string) error {
	if err := i.forget(ctx, queue); err != nil {
		return fmt.Errorf("queue: forget %s: %w", queue, err)
	}
	return nil
}

func (i *Inspector) forget(ctx context.Context, queue string) error {
	q, err := i.find(ctx, queue)
	if err != nil {
		return err
	}
	switch empty, err := wire.Forget(ctx, i.rdb, q); {
	case err != nil:
		return err
	case !empty:
		return ErrInUse
	}
	if err := i.registry.Forget(ctx, queue); err != nil || q.Raw {
		return err
	}
	// A client that has noted the queue lately may have put a job there meanwhile.
	switch n, err := i.rdb.Exists(ctx, q.Stream, q.Bodies()).Result(); {
	case err != nil:
		return err
	case n > 0:
		return i.registry.AddQueues(ctx, queue)
	}
	return nil
}
