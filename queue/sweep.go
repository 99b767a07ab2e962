package queue

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// sweepEvery is every few leases.
func (s *subscription) sweepEvery() time.Duration { return 4 * s.w.cfg.Lease }

// sweep is the chore that deletes consumers which workers left behind empty: a read of a worker that had just been
// taken for dead created one again. Consumers of other programs stay.
func (ses *session) sweep(ctx context.Context) (next time.Duration, err error) {
	consumers, err := ses.w.rdb.XInfoConsumers(ctx, ses.queue.Stream, ses.queue.Group).Result()
	if err != nil {
		return 0, err
	}
	for _, c := range consumers {
		if _, ok := wire.SplitConsumer(c.Name); !ok || c.Pending > 0 || c.Idle < ses.w.cfg.Lease {
			continue
		}
		if err := wire.Sweep(ctx, ses.w.rdb, &ses.queue, c.Name); err != nil {
			return 0, err
		}
	}
	return 0, nil
}
