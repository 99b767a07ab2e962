package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// sweepEvery is every few leases: of all queues of a worker together, so that many do not cost more than one.
func (s *subscription) sweepEvery() time.Duration {
	every, queues := 4*s.w.cfg.Lease, time.Duration(len(s.w.subscriptions))
	return max(every, min(every*queues, time.Hour))
}

// sweep is the chore that deletes consumers which workers left behind empty: a read of a worker that had just been
// taken for dead created one again. Consumers of other programs stay. And it looks for groups that were made since the
// worker started.
func (ses *session) sweep(ctx context.Context) (next time.Duration, err error) {
	if err := ses.warnOfGroups(ctx); err != nil {
		return 0, err
	}
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

// warnOfGroups warns, once in a session, of each other group of the stream: it misses what workers delete.
func (ses *session) warnOfGroups(ctx context.Context) error {
	groups, err := ses.w.rdb.XInfoGroups(ctx, ses.queue.Stream).Result()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Name == ses.queue.Group || slices.Contains(ses.otherGroups, g.Name) {
			continue
		}
		ses.otherGroups = append(ses.otherGroups, g.Name)
		ses.observe(Event{Type: EventWarning, Worker: ses.consumer, Err: ses.otherGroup(g.Name)})
	}
	return nil
}

// otherGroup is what is wrong with another group of the stream.
func (s *subscription) otherGroup(name string) error {
	return fmt.Errorf("stream %s has another consumer group, %q: finished entries are deleted, and that group would "+
		"miss them", s.queue.Stream, name)
}
