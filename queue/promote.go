package queue

import (
	"context"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	// promoteEvery is how often the caretaker looks where it is not notified of jobs that are due soon.
	promoteEvery = 50 * time.Millisecond
	promoteRest  = 5 * time.Millisecond // a due job waits so long at the most for others that come to be due
	promoteAhead = time.Second          // of what is due later, a heartbeat comes in time
	maxPromote   = 100
)

// promotePoll is how often the chore promote is done in any case: never, since heartbeats bring when the next job is
// due. A clock that the application gives does not run in step with timers.
func (s *subscription) promotePoll() time.Duration {
	if s.w.clockGiven {
		return promoteEvery
	}
	return 0
}

// promote is the chore that moves due jobs into the stream, a batch at a time.
//
// Why: docs/decisions/engine.md#the-caretaker-is-notified-of-jobs-that-are-due-soon
func (ses *session) promote(ctx context.Context) (next time.Duration, err error) {
	promoted, wait, err := wire.Promote(ctx, ses.w.rdb, &ses.whole, ses.w.clock(), maxPromote)
	if err != nil {
		return 0, err
	}
	most := time.Duration(0)
	if ses.w.clockGiven || ses.w.rings.down.Load() {
		most = promoteEvery
	}
	switch {
	case wait == 0 && promoted >= maxPromote:
		next = time.Nanosecond // 0 would be as usual
	case wait >= 0 && (wait <= promoteAhead || most > 0):
		next = max(wait, promoteRest)
	}
	if most > 0 && (next == 0 || next > most) {
		next = most
	}
	if next > 0 {
		ses.promoteAt.set(next)
	}
	return next, nil
}

// promoteIn makes the chore promote in so long, unless it does so before anyway.
func (ses *session) promoteIn(wait time.Duration) {
	if wait < 0 || wait > promoteAhead {
		return
	}
	if ses.promoteAt.bringForward(wait) {
		time.AfterFunc(wait, func() { ses.signalChore(chorePromote) })
	}
}

// promoteOwn makes this worker promote a job that it has put off itself for a short time: before the caretaker's next
// heartbeat.
func (ses *session) promoteOwn(delay time.Duration) {
	if delay > promoteAhead {
		return
	}
	until := monotonic() + int64(delay+promoteEvery)
	for {
		before := ses.ownDueUntil.Load()
		if before >= until || ses.ownDueUntil.CompareAndSwap(before, until) {
			break
		}
	}
	ses.promoteIn(delay)
}

// hasOwnDue reports whether this worker promotes jobs that it has put off, though it is not the caretaker.
func (ses *session) hasOwnDue() bool { return monotonic() < ses.ownDueUntil.Load() && ses.valid() }
