package queue

import (
	"context"
	"strings"
	"time"
)

const (
	promoteEvery  = 50 * time.Millisecond // a due job is waiting at most so long after its time, and a round trip
	promoteAtOnce = 100
	reclaimAtOnce = 100
	crashedKept   = 7 * 24 * time.Hour
)

// caretake is the loop that promotes due jobs. Every worker has it; it does something only in the one that holds the
// queue's caretaker key, as the beats tell. If two believe so for a moment, no harm is done: the scripts are atomic.
func (ses *session) caretake() {
	pause := newBackoff(ses.w.cfg.Rand)
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
				ses.trouble("promote", err)
				pause.wait(ses.reading.Done())
			} else {
				pause.reset()
				wait = next
			}
		}
		timer.Reset(wait)
	}
}

func (ses *session) isCaretaker() bool { return monotonic() < ses.care.Load() && ses.valid() }

// promote moves a batch of due jobs into the stream and tells when to come again.
func (ses *session) promote() (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ses.reading, ses.w.cfg.Lease)
	defer cancel()
	k := ses.keys
	reply, err := scriptPromote.Run(ctx, ses.w.rdb,
		[]string{k.stream, k.bodies(), k.totals(), k.delayed(), k.retrying()},
		ses.w.cfg.Now().UnixMilli(), promoteAtOnce).Int64Slice()
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
func (ses *session) reclaim(ctx context.Context, reply beatReply) (parked int64) {
	if !ses.clock.trusted(monotonic()) {
		return 0
	}
	ses.sweep(ctx)
	for _, consumer := range reply.ended {
		parked += ses.park(ctx, consumer, 0)
	}
	for _, consumer := range reply.strays {
		parked += ses.park(ctx, consumer, ses.strayIdle(consumer))
	}
	return parked
}

// strayIdle is how long an entry of a consumer without a lease must be idle. A worker's own earlier self, whose
// registration was lost with Redis' data, has it for a lease; another program's consumer, for as long as configured.
func (s *source) strayIdle(consumer string) time.Duration {
	switch {
	case strings.Contains(consumer, incarnation):
		return s.w.cfg.Lease
	case s.cfg.Raw != nil:
		return s.cfg.Raw.ForeignIdle
	}
	return DefaultForeignIdle
}

// park moves a consumer's entries to ~orphans, page by page.
func (ses *session) park(ctx context.Context, consumer string, idle time.Duration) (parked int64) {
	k := ses.keys
	for ses.valid() {
		page, err := scriptReclaim.Run(ctx, ses.w.rdb, []string{k.stream, k.workers(), k.worker(consumer), k.crashed()},
			ses.binding.group(), consumer, reclaimAtOnce, idle.Milliseconds(), int64(crashedKept.Seconds())).Int64()
		if err != nil {
			ses.trouble("reclaim from "+consumer, err)
			return parked
		}
		if page < 0 {
			return parked // its worker has a lease after all
		}
		parked += page
		if page < reclaimAtOnce {
			break
		}
	}
	ses.meter.reclaimed.Add(parked)
	if parked > 0 || idle == 0 {
		ses.observe(Event{Type: EventWorkerReaped, Worker: consumer, Count: int(parked)})
	}
	return parked
}

// shortenLeases makes up for a jump backward of Redis' clock.
func (ses *session) shortenLeases(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	if err := scriptShorten.Run(ctx, ses.w.rdb, []string{ses.keys.workers()}, ses.w.cfg.Lease.Milliseconds()).Err(); err != nil {
		ses.trouble("shorten leases", err)
	}
}

// sweep deletes consumers that workers left behind empty, every few leases.
func (ses *session) sweep(ctx context.Context) {
	const leases = 4
	if now := monotonic(); now < ses.swept+leases*int64(ses.w.cfg.Lease) {
		return
	}
	ses.swept = monotonic()
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	consumers, err := ses.w.rdb.XInfoConsumers(ctx, ses.keys.stream, ses.binding.group()).Result()
	if err != nil {
		ses.trouble("sweep", err)
		return
	}
	for _, c := range consumers {
		if c.Pending > 0 || c.Idle < ses.w.cfg.Lease || !strings.Contains(c.Name, incarnation) {
			continue
		}
		err := scriptSweep.Run(ctx, ses.w.rdb, []string{ses.keys.stream, ses.keys.workers()}, ses.binding.group(), c.Name).Err()
		if err != nil {
			ses.trouble("sweep", err)
			return
		}
	}
}
