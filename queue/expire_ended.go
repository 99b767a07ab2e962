package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// expireCancelled is the chore that deletes jobs which were cancelled long ago.
func (ses *session) expireCancelled(ctx context.Context) (next time.Duration, err error) {
	return ses.expire(ctx, wire.Expire{Of: wire.EndedCancelled, Keep: ses.w.cfg.KeepCancelled})
}

// maxExpired is how many expired jobs of a queue are kept, the newest: an outage may leave any number of them.
const maxExpired = 100_000

// expireExpired is the chore that deletes jobs which were not started in time, long ago or too many.
func (ses *session) expireExpired(ctx context.Context) (next time.Duration, err error) {
	return ses.expire(ctx, wire.Expire{Of: wire.EndedExpired, Keep: ses.w.cfg.KeepCancelled, Most: maxExpired})
}

// expireDeadEvery is never, unless the worker is configured to delete dead jobs.
func (s *subscription) expireDeadEvery() time.Duration {
	if s.w.cfg.KeepDead == 0 && s.w.cfg.MaxDead == 0 {
		return 0
	}
	return s.sweepEvery()
}

// expireDead is the chore that deletes dead jobs that are too old or too many.
func (ses *session) expireDead(ctx context.Context) (next time.Duration, err error) {
	return ses.expire(ctx, wire.Expire{Of: wire.EndedDead, Keep: ses.w.cfg.KeepDead, Most: int64(ses.w.cfg.MaxDead)})
}

func (ses *session) expire(ctx context.Context, e wire.Expire) (next time.Duration, err error) {
	e.Count, e.Bytes = 100, 256<<10
	expired, err := wire.ExpireEnded(ctx, ses.w.rdb, &ses.queue, e)
	if n := expired.Old + expired.Excess; n > 0 {
		reason := fmt.Errorf("%d %s jobs were kept for %s, %d were more than %d", expired.Old, e.Of, e.Keep, expired.Excess,
			e.Most)
		ses.observe(Event{Type: EventDiscarded, Worker: ses.consumer, Count: int(n), Err: reason})
	}
	if expired.HasMore {
		return moreAtOnce, err
	}
	return 0, err
}
