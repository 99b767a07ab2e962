package queue

import (
	"context"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// maxErrorText bounds what is kept of an error, a panic's stack included.
const maxErrorText = 4 << 10

// fail counts a run that ended the job, and buries it.
func (t *task) fail(reason string, cause error, took time.Duration) {
	t.ended(outcomeFailed, took)
	m := t.nextMeta()
	m.Attempt++
	t.buryAs(m, reason, cause, took)
}

// bury keeps a job that was not run for a person to look at.
func (t *task) bury(reason string, cause error) { t.buryAs(t.nextMeta(), reason, cause, 0) }

func (t *task) buryAs(m wire.Meta, reason string, cause error, took time.Duration) {
	typ, counted := EventDead, outcomeDead
	if reason == wire.ReasonByPerson {
		typ, counted = EventCancelled, outcomeCancelled
	}
	t.ses.counters.of(t.kind).outcomes[counted].Add(1)
	death := &wire.Death{
		ID: t.run.ID, Kind: t.run.Kind, Data: t.run.Data, Meta: m, Error: errorText(cause), Reason: reason,
		Worker: t.run.Worker, At: t.ses.w.cfg.Now(),
	}
	ok := t.outcome("bury", func(ctx context.Context, cut bool) (wire.Verdict, error) {
		if death.Move = t.move(cut); cut {
			death.Error, death.Meta.Error = cutError(errorText(cause), m.Error), ""
		}
		return wire.Bury(ctx, t.ses.w.rdb, &t.ses.queue, t.ses.consumer, death)
	}) == wire.VerdictDone
	t.concluded(ok, typ, took, cause, time.Time{})
}

// errorText is what is kept of an error: valid UTF-8 of bounded length.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}
