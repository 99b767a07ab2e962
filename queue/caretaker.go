package queue

import (
	"context"
	"math"
	"strings"
	"time"
)

const (
	promoteEvery    = 50 * time.Millisecond // a due job is waiting at most so long after its time, and a round trip
	maxPromote      = 100
	reclaimPageSize = 50
	reclaimPages    = 40 // of a consumer that never had a lease, at each beat: few of its entries may be idle
	crashedKept     = 7 * 24 * time.Hour
)

// caretake is the loop that promotes due jobs. Every worker has it; it does something only in the one that holds the
// queue's caretaker key, as the beats tell. If two believe so for a moment, no harm is done: the scripts are atomic.
func (ses *session) caretake() {
	backoff := newReconnectBackoff(ses.w.cfg.Rand)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ses.reading.Done():
			return
		}
		wait := promoteEvery
		if ses.isCaretaker() {
			next, err := ses.promote()
			if err != nil {
				ses.reportError("promote", err)
				backoff.wait(ses.reading.Done())
			} else {
				backoff.reset()
				wait = next
			}
		}
		timer.Reset(wait)
	}
}

func (ses *session) isCaretaker() bool { return monotonic() < ses.caretakerUntil.Load() && ses.valid() }

// promote moves a batch of due jobs into the stream and tells when to come again.
func (ses *session) promote() (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ses.reading, ses.w.cfg.Lease)
	defer cancel()
	k := ses.keys
	reply, err := scriptPromote.Run(ctx, ses.w.rdb,
		[]string{k.stream, k.bodies(), k.totals(), k.delayed(), k.retrying()},
		ses.w.cfg.Now().UnixMilli(), maxPromote).Int64Slice()
	if err != nil || len(reply) != 2 {
		if ses.reading.Err() != nil {
			err = nil
		}
		return promoteEvery, err
	}
	next := time.Duration(reply[1]) * time.Millisecond
	if next < 0 || next > promoteEvery {
		next = promoteEvery
	}
	return next, nil
}

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
	case strings.Contains(consumer, incarnation):
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
	reply, err := scriptReclaim.Run(ctx, ses.w.rdb, []string{k.stream, k.workers(), k.worker(consumer), k.crashed()},
		ses.binding.group(), consumer, reclaimPageSize, idle.Milliseconds(), int64(crashedKept.Seconds()), start).Result()
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
	if err := scriptClampLeases.Run(ctx, ses.w.rdb, []string{ses.keys.workers()}, ses.w.cfg.Lease.Milliseconds()).Err(); err != nil {
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
	consumers, err := ses.w.rdb.XInfoConsumers(ctx, ses.keys.stream, ses.binding.group()).Result()
	if err != nil {
		ses.reportError("sweep", err)
		return
	}
	for _, c := range consumers {
		if c.Pending > 0 || c.Idle < ses.w.cfg.Lease || !strings.Contains(c.Name, incarnation) {
			continue
		}
		err := scriptSweep.Run(ctx, ses.w.rdb, []string{ses.keys.stream, ses.keys.workers()}, ses.binding.group(), c.Name).Err()
		if err != nil {
			ses.reportError("sweep", err)
			return
		}
	}
}
