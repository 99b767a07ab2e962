package queue

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// reclaim parks what dead workers held, and what foreign consumers have not touched for long. It returns how many
// entries it parked.
func (ses *session) reclaim(ctx context.Context, reply heartbeatReply) (parked int64) {
	if !ses.clock.trusted(monotonic()) {
		return 0
	}
	ses.sweep(ctx)
	for _, consumer := range reply.ended {
		n, _ := ses.park(ctx, consumer, 0, "", math.MaxInt)
		parked += n
	}
	seen := map[string]string{}
	for _, consumer := range reply.strays {
		n, at := ses.park(ctx, consumer, ses.strayIdle(consumer), ses.strayCursors[consumer], reclaimPages)
		parked += n
		seen[consumer] = at
	}
	ses.strayCursors = seen
	return parked
}

// strayIdle is how long an entry of a consumer without a lease must be idle. A worker's own earlier self, whose
// registration was lost with Redis' data, has it for a lease; another program's consumer, for as long as configured.
func (s *subscription) strayIdle(consumer string) time.Duration {
	switch {
	case strings.Contains(consumer, wire.Incarnation):
		return s.w.cfg.Lease
	case s.cfg.Raw != nil:
		return s.cfg.Raw.ForeignIdle
	}
	return DefaultForeignIdle
}

// park moves a consumer's entries behind one of them to ~orphans, page by page. It tells how many, and behind which to
// go on when there are more than so many pages.
func (ses *session) park(ctx context.Context, consumer string, idle time.Duration, behind string, pages int) (parked int64, last string) {
	last = behind
	for ; pages > 0 && ses.valid(); pages-- {
		var n int64
		var err error
		if n, last, err = ses.parkPage(ctx, consumer, idle, last); err != nil {
			ses.reportError("reclaim from "+consumer, err)
			break
		}
		if n < 0 {
			return parked, "" // its worker has a lease after all
		}
		parked += n
		if last == "" {
			break
		}
	}
	ses.counters.reclaimed.Add(parked)
	if parked > 0 || idle == 0 {
		ses.observe(Event{Type: EventWorkerReaped, Worker: consumer, Count: int(parked)})
	}
	return parked, last
}

// parkPage returns how many of a page's entries were parked, -1 if the consumer has a lease after all, and the last of the
// page, "" behind the end.
func (ses *session) parkPage(ctx context.Context, consumer string, idle time.Duration, behind string) (int64, string, error) {
	k, start := ses.keys, "-"
	if behind != "" {
		start = "(" + behind
	}
	reply, err := wire.ScriptReclaim.Run(ctx, ses.w.rdb, []string{k.Stream, k.Workers(), k.Worker(consumer), k.Crashed()},
		ses.binding.GroupName(), consumer, reclaimPageSize, idle.Milliseconds(), int64(wire.CrashedKept.Seconds()), start).Result()
	if err != nil {
		return 0, "", err
	}
	cells, ok := reply.([]any)
	if !ok || len(cells) != 2 {
		return -1, "", nil
	}
	parked, _ := cells[0].(int64)
	last, _ := cells[1].(string)
	return parked, last, nil
}

// shortenLeases makes up for a jump backward of Redis' clock.
func (ses *session) shortenLeases(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	if err := wire.ScriptClampLeases.Run(ctx, ses.w.rdb, []string{ses.keys.Workers()}, ses.w.cfg.Lease.Milliseconds()).Err(); err != nil {
		ses.reportError("shorten leases", err)
	}
}

// sweep deletes consumers that workers left behind empty, every few leases.
func (ses *session) sweep(ctx context.Context) {
	const leases = 4
	if now := monotonic(); now < ses.lastSweep+leases*int64(ses.w.cfg.Lease) {
		return
	}
	ses.lastSweep = monotonic()
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	consumers, err := ses.w.rdb.XInfoConsumers(ctx, ses.keys.Stream, ses.binding.GroupName()).Result()
	if err != nil {
		ses.reportError("sweep", err)
		return
	}
	for _, c := range consumers {
		if c.Pending > 0 || c.Idle < ses.w.cfg.Lease || !strings.Contains(c.Name, wire.Incarnation) {
			continue
		}
		err := wire.ScriptSweep.Run(ctx, ses.w.rdb, []string{ses.keys.Stream, ses.keys.Workers()}, ses.binding.GroupName(), c.Name).Err()
		if err != nil {
			ses.reportError("sweep", err)
			return
		}
	}
}
