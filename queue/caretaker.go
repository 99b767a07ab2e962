package queue

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// chore is work that one worker of a queue, its caretaker, does for all.
type chore struct {
	name  string
	every func(*session) time.Duration // how often it is done; 0: only when a heartbeat shows that there is work

	// run does it once, and returns when it is to be done next: 0 for as usual.
	run func(ses *session, ctx context.Context) (next time.Duration, err error)
}

// The chores, by their place in the table.
const (
	chorePromote = iota
	choreDrawNear
	choreReclaim
	choreSweep
	choreExpireCancels
	choreSweepIDs
	choreExpireCancelled
	choreExpireDead
	choreCount
)

// chores is the table of chores. A new chore is a row here and a file of its own.
var chores = [choreCount]chore{
	chorePromote:         {"promote", func(*session) time.Duration { return promoteEvery }, (*session).promote},
	choreDrawNear:        {"draw near", onSignal, (*session).drawNear},
	choreReclaim:         {"reclaim", onSignal, (*session).reclaim},
	choreSweep:           {"sweep", (*session).sweepEvery, (*session).sweep},
	choreExpireCancels:   {"expire cancellations", onSignal, (*session).expireCancels},
	choreSweepIDs:        {"sweep guards of IDs", (*session).sweepEvery, (*session).sweepIDs},
	choreExpireCancelled: {"expire cancelled jobs", (*session).sweepEvery, (*session).expireCancelled},
	choreExpireDead:      {"expire dead jobs", (*session).expireDeadEvery, (*session).expireDead},
}

func onSignal(*session) time.Duration { return 0 }

// caretake is the loop of one chore. Every worker has it; it does something only in the one that holds the queue's
// caretaker key, as the heartbeats say, and as long as that worker has it: also while it waits for its last handlers.
// If two act so for a moment, no harm is done: the scripts are atomic.
func (ses *session) caretake(ctx context.Context, which int) {
	c, backoff := &chores[which], ses.newBackoff()
	every := c.every(ses)
	timer := time.NewTimer(every)
	defer timer.Stop()
	if every == 0 {
		timer.Stop()
	}
	for {
		select {
		case <-timer.C:
		case <-ses.choreDue[which]:
		case <-ctx.Done():
			return
		}
		next := every
		if ses.isCaretaker() {
			after, err := ses.runChore(ctx, c)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				ses.reportError(c.name, err)
				backoff.wait(ctx.Done())
			default:
				backoff.reset()
				if after > 0 {
					next = after
				}
			}
		}
		if next > 0 {
			timer.Reset(next)
		}
	}
}

func (ses *session) runChore(ctx context.Context, c *chore) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, ses.w.cfg.Lease)
	defer cancel()
	return c.run(ses, ctx)
}

// caretakerTerm is how long a worker is the caretaker without another heartbeat: less than a lease, so that the jobs of
// a caretaker that died are not found any later than others.
func (s *subscription) caretakerTerm() time.Duration { return min(s.w.cfg.Lease*3/4, wire.LongestTerm) }

func (ses *session) isCaretaker() bool { return monotonic() < ses.caretakerUntil.Load() && ses.valid() }

// becomeCaretaker takes over the queue's chores, or keeps them, and passes on what the heartbeat saw.
func (ses *session) becomeCaretaker(sent int64, reply wire.HeartbeatReply) {
	if ses.caretakerUntil.Swap(sent+int64(ses.caretakerTerm())) <= sent {
		ses.observe(Event{Type: EventCaretakerTaken, Worker: ses.consumer})
	}
	gone := goneConsumers{late: reply.Late}
	if ses.clock.trusted(monotonic()) {
		gone.ended, gone.strays = reply.Ended, reply.Strays
	}
	if len(gone.ended)+len(gone.strays)+len(gone.late) > 0 {
		ses.gone.Store(&gone)
		ses.signalChore(choreReclaim)
	}
	if ses.setBack.see(reply.Behind) {
		ses.signalChore(choreDrawNear)
	}
	if reply.Cancels > 0 {
		ses.signalChore(choreExpireCancels)
	}
}

func (ses *session) signalChore(which int) {
	select {
	case ses.choreDue[which] <- struct{}{}:
	default:
	}
}
