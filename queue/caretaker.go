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
	lanes bool                         // each lane has it to do; else the caretaker of the normal one does it for all
	own   func(*session) bool          // whether another worker does it too, for what is its own; nil: it does not

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
	choreExpireExpired
	choreExpireDead
	choreCron
	choreCount
)

// chores is the table of chores. A new chore is a row here and a file of its own.
var chores = [choreCount]chore{
	chorePromote: {
		name: "promote", every: (*session).promotePoll, own: (*session).hasOwnDue, run: (*session).promote,
	},
	choreDrawNear:      {name: "draw near", every: onSignal, run: (*session).drawNear},
	choreReclaim:       {name: "reclaim", lanes: true, every: onSignal, run: (*session).reclaim},
	choreSweep:         {name: "sweep", lanes: true, every: (*session).sweepEvery, run: (*session).sweep},
	choreExpireCancels: {name: "expire cancellations", lanes: true, every: onSignal, run: (*session).expireCancels},
	choreSweepIDs:      {name: "sweep guards of IDs", every: (*session).sweepEvery, run: (*session).sweepIDs},
	choreExpireCancelled: {
		name: "expire cancelled jobs", every: (*session).sweepEvery, run: (*session).expireCancelled,
	},
	choreExpireExpired: {
		name: "expire expired jobs", every: (*session).sweepEvery, run: (*session).expireExpired,
	},
	choreExpireDead: {name: "expire dead jobs", every: (*session).expireDeadEvery, run: (*session).expireDead},
	choreCron:       {name: "cron", every: onSignal, own: (*session).hasOwnCrons, run: (*session).cron},
}

func onSignal(*session) time.Duration { return 0 }

// caretake is the loop of one chore. Every worker has it; it does something only in the one that holds the queue's
// caretaker key, as the heartbeats say, and as long as that worker has it: also while it waits for its last handlers.
// If two act so for a moment, no harm is done: the scripts are atomic.
func (ses *session) caretake(ctx context.Context, which int) {
	c, backoff := &chores[which], ses.newBackoff()
	every := c.every(ses)
	timer := time.NewTimer(ses.firstAfter(every))
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
		if ses.isCaretaker() && (c.lanes || ses.queue.Lane == Normal) || c.own != nil && c.own(ses) {
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

// firstAfter is when a chore is done first that is done so often: not that of all queues of a worker at the same time.
func (s *subscription) firstAfter(every time.Duration) time.Duration {
	return every / time.Duration(len(s.w.cfg.Queues)) * time.Duration(s.place+1)
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
	ses.w.rings.want(ses, true)
	if ses.promoteIn(reply.NextDue); ses.w.rings.down.Load() {
		ses.signalChore(chorePromote)
	}
	gone := goneConsumers{late: reply.Late}
	if ses.clock.trusted(monotonic()) {
		gone.ended, gone.strays = reply.Ended, reply.Strays
	}
	if len(gone.ended)+len(gone.strays)+len(gone.late) > 0 {
		ses.gone.Store(&gone)
		ses.signalChore(choreReclaim)
	}
	if !reply.Brief && ses.setBack.see(reply.Behind) {
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
