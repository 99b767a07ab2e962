package queue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A job of a kind without a handler is looked at again soon at first, since in a rolling deploy other workers have one
// already, and ever less often: each look costs a delivery.
const (
	unknownMin = 100 * time.Millisecond
	unknownMax = 30 * time.Second

	// unknownNotedEvery is how often a session notes that jobs of a kind wait, a few times before the note is stale.
	unknownNotedEvery = wire.UnknownStale / 6
)

// unknownSince is since when the job waits for a worker that has its kind, 0 if this worker is the first without.
func (t *task) unknownSince() time.Time {
	if t.meta.Unknown > 0 {
		return time.UnixMilli(t.meta.Unknown)
	}
	return t.ses.now()
}

// unknownLeft is how much longer the job may wait for a worker that has its kind.
func (t *task) unknownLeft() time.Duration {
	if t.ses.cfg.UnknownFor < 0 {
		return 0
	}
	waited := max(t.ses.now().Sub(t.unknownSince()), 0)
	return t.ses.cfg.UnknownFor - waited
}

// awaitKind puts a job off that no handler of this worker is for. It burns no attempt.
//
// Why: docs/decisions/engine.md#a-job-of-an-unknown-kind-waits-for-a-worker-that-has-a-handler
func (t *task) awaitKind() {
	since := t.unknownSince()
	waited := max(t.ses.now().Sub(since), 0)
	delay := min(max(waited/2, unknownMin), unknownMax)
	delay = min(time.Duration(float64(delay)*(0.75+0.5*t.ses.w.cfg.Rand())), t.unknownLeft())
	m := t.nextMeta()
	m.Unknown = max(since.UnixMilli(), 1)
	due := t.ses.now().Add(delay)
	later := wire.Retry{ID: t.run.ID, Kind: t.run.Kind, Data: t.run.Data, Meta: m, Delay: delay}
	t.ses.noteUnknown(t.run.Kind)
	t.ses.counters.of(nil).outcomes[outcomeSnoozed].Add(1)
	verdict := t.outcome("put off", func(_ context.Context, cut bool) (wire.Verdict, error) {
		later.Move = t.move(cut)
		return t.ses.movers.snoozes.move(later, len(later.Data))
	})
	cause := fmt.Errorf("no handler for kind %q in worker %s", t.run.Kind, t.run.Worker)
	if verdict == wire.VerdictOther { // a person has cancelled it
		t.buryAs(m, wire.ReasonByPerson, t.readCancellation().CancelledError(cause), 0)
		return
	}
	t.ses.promoteOwn(delay)
	t.concluded(verdict == wire.VerdictDone, EventSnoozed, 0, cause, due)
}

// unknownNotes is when it was noted last that jobs of a kind wait. It forgets all when a producer invents many kinds.
type unknownNotes struct {
	mu sync.Mutex
	at map[string]int64 // kind → on the monotonic clock
}

func (n *unknownNotes) isDue(kind string, now int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last, known := n.at[kind]; known && now-last < int64(unknownNotedEvery) {
		return false
	}
	if n.at == nil || len(n.at) >= wire.UnknownKindsMost {
		n.at = map[string]int64{}
	}
	n.at[kind] = now
	return true
}

// noteUnknown notes, now and then, that jobs of a kind wait for a worker that has a handler.
func (ses *session) noteUnknown(kind string) {
	if !ses.unknownNoted.isDue(kind, monotonic()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), ses.replyTimeout())
	defer cancel()
	if err := wire.NoteUnknownKind(ctx, ses.w.rdb, &ses.queue, kind); err != nil {
		ses.reportBookkeeping("note an unknown kind", []string{err.Error()})
	}
}
