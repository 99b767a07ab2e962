package queue

import (
	"context"
	"errors"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	maxClaim = 100
	// buryAfter is for how many leases a worker that is taken for dead may come back and clear its jobs of the blame,
	// before one that it was the last to die with is buried.
	buryAfter = 3
)

// claim is the loop that takes over parked entries, of dead workers and of those that handed them back, as long as
// there are any and this worker has capacity. It waits until a heartbeat finds some.
//
// Why: docs/decisions/engine.md#parked-entries-stay-in-the-groups-pending-list-under-pseudo-consumers
func (ses *session) claim() {
	backoff := ses.newBackoff()
	for {
		select {
		case <-ses.parked:
		case <-ses.reading.Done():
			return
		}
		ses.claiming.Store(true)
		ses.claimAll(backoff)
		ses.claiming.Store(false)
		select {
		case ses.claimed <- struct{}{}:
		default:
		}
	}
}

// claimAll claims until nothing that this worker may take is parked.
func (ses *session) claimAll(backoff *reconnectBackoff) {
	ses.w.dispatcher.setParked(ses.buffer, true)
	defer ses.w.dispatcher.setParked(ses.buffer, false)
	for ses.reading.Err() == nil {
		more, err := ses.claimOnce()
		if err != nil {
			ses.replyLost.Store(true)
			if mayHaveArrived(err) {
				ses.replies.lost()
			}
			ses.recoverFrom(backoff, "claim", err)
			return
		}
		backoff.reset()
		if !more {
			return
		}
	}
}

// awaitClaims puts parked entries before new ones: while there are any, nothing new is read.
//
// Why: docs/decisions/engine.md#parked-entries-go-before-new-ones
func (ses *session) awaitClaims() {
	for ses.claiming.Load() && ses.reading.Err() == nil {
		select {
		case <-ses.claimed:
		case <-ses.reading.Done():
		}
	}
}

// claimOnce takes as many parked entries as there are slots for, and reports whether there may be more. They have
// waited for long, and another worker may have a slot for what would wait here.
//
// Why: docs/decisions/engine.md#parked-jobs-are-taken-into-free-slots-alone
func (ses *session) claimOnce() (more bool, err error) {
	n := min(ses.w.dispatcher.reserveSlots(ses.buffer), maxClaim)
	if n == 0 {
		return false, nil
	}
	ses.transfer.Lock()
	defer ses.transfer.Unlock()
	ctx, cancel := context.WithTimeout(ses.ctx, ses.w.cfg.Lease)
	defer cancel()
	sent, epoch := monotonic(), ses.w.epochs.Now()
	found, err := wire.ClaimParked(ctx, ses.w.rdb, &ses.queue, wire.Claim{
		Consumer: ses.consumer, Count: n, MaxCrashes: ses.w.cfg.MaxCrashes, Bytes: ses.replies.limit(),
		Strong: mostStrong - ses.w.strong.Load(), Primes: 1 - ses.w.fresh.Load(), LastChances: 1 - ses.w.primes.Load(),
		BuryAfter: buryAfter * ses.w.cfg.Lease,
	}, ses.w.kindName)
	if errors.Is(err, wire.ErrLost) {
		ses.lose()
	}
	if err != nil {
		return false, err
	}
	ses.replies.arrived(len(found), wire.SizeOf(found), since(sent))
	tasks := ses.newTasks(found, epoch)
	for _, t := range tasks {
		ses.observe(t.event(EventReclaimed))
	}
	ses.trackFirst(tasks)
	return len(found) > 0, nil
}

// signalParked makes the claiming loop look for parked entries.
func (ses *session) signalParked() {
	select {
	case ses.parked <- struct{}{}:
	default:
	}
}
