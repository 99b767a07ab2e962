package queue

import (
	"context"
	"math"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	reclaimPageSize = 50
	reclaimPages    = 40 // of a consumer that never had a lease, each time: few of its entries may be idle
)

// goneConsumers are consumers that hold entries and are gone, or may be.
type goneConsumers struct {
	ended  []string // their leases have ended
	strays []string // they never had one
	late   []string // their leases end later than this worker's
}

// reclaim is the chore that parks what dead workers held, and what foreign consumers have not touched for long.
//
// Why: docs/decisions/engine.md#the-caretaker-parks-50-entries-with-each-script-and-selects-the-idle-ones-itself
func (ses *session) reclaim(ctx context.Context) (next time.Duration, err error) {
	gone := ses.gone.Swap(nil)
	if gone == nil {
		return 0, nil
	}
	ses.shortenLeases(ctx, gone.late)
	for _, consumer := range gone.ended {
		ses.park(ctx, consumer, 0, wire.EntryRef{}, math.MaxInt)
	}
	cursors := map[string]wire.EntryRef{}
	for _, consumer := range gone.strays {
		cursors[consumer] = ses.park(ctx, consumer, ses.strayIdle(consumer), ses.strayCursors[consumer], reclaimPages)
	}
	ses.strayCursors = cursors
	return 0, nil
}

// strayIdle is how long an entry of a consumer without a lease must be idle. On a raw stream other programs' consumers
// are expected, and have it for as long as is configured, whatever they are called. On a queue of navvy's own such a
// consumer is a worker's earlier session whose registration was lost with Redis' data: it has it for a lease.
func (s *subscription) strayIdle(consumer string) time.Duration {
	if s.cfg.Raw != nil {
		return s.cfg.Raw.ForeignIdle
	}
	if _, ok := wire.SplitConsumer(consumer); ok {
		return s.w.cfg.Lease
	}
	return DefaultForeignIdle
}

// park moves a consumer's entries behind one of them to the orphans, page by page. It returns behind which to go on
// when there are more than so many pages.
func (ses *session) park(
	ctx context.Context, consumer string, idle time.Duration, behind wire.EntryRef, pages int,
) (last wire.EntryRef) {
	parked, blame := int64(0), ""
	for last = behind; pages > 0 && ses.valid(); pages-- {
		page := wire.Reclaim{Consumer: consumer, Count: reclaimPageSize, Idle: idle, Behind: last, Blame: blame}
		done, err := wire.ReclaimEntries(ctx, ses.w.rdb, &ses.queue, page)
		if err != nil {
			ses.reportError("reclaim from "+consumer, err)
			break
		}
		ses.reportBookkeeping("reclaim", done.Failures)
		if last = done.Last; done.Alive {
			return wire.EntryRef{}
		}
		parked, blame = parked+done.Parked, done.Blame
		if done.Parked > 0 {
			ses.signalParked()
		}
		if last == (wire.EntryRef{}) {
			break
		}
	}
	ses.counters.reclaimed.Add(parked)
	if parked > 0 || idle == 0 {
		ses.observe(Event{Type: EventWorkerReaped, Worker: consumer, Count: int(parked)})
	}
	return last
}

// shortenLeases corrects leases that end further ahead than they can, since Redis' clock was set back: those of the
// dead would keep their jobs for as long.
func (ses *session) shortenLeases(ctx context.Context, late []string) {
	for _, consumer := range late {
		if err := wire.ShortenLease(ctx, ses.w.rdb, &ses.queue, consumer, ses.w.cfg.Lease); err != nil {
			ses.reportError("shorten a lease", err)
		}
	}
}
