package queue

import (
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
	t.ses.counters.of(t.kind).outcomes[outcomeDead].Add(1)
	text := errorText(cause)
	k := t.ses.keys
	keys := []string{k.Stream, k.Dead(), k.DeadIDs(), k.Totals()}
	if m.Unique != "" {
		keys = append(keys, k.Unique(m.Unique))
	}
	ok := t.record("bury", wire.ScriptBury, keys, []any{
		t.ses.binding.GroupName(), t.ses.consumer, t.entryID, t.run.ID,
		wire.FieldID, t.run.ID, wire.FieldKind, t.run.Kind, wire.FieldData, t.run.Data, wire.FieldMeta, m.Encode(),
		"error", text, "reason", reason, "worker", t.run.Worker, "died_ms", t.ses.w.cfg.Now().UnixMilli(),
	})
	t.concluded(ok, EventDead, took, cause, time.Time{})
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
