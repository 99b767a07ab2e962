package queue

import (
	"encoding/json"
	"fmt"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// SetResult records v, as JSON, as the job's result. It is kept only if the job has [Retain], and only if the
// handler then returns nil; without Retain an [EventWarning] says so, once for each kind. Not safe for concurrent use.
func (r *Run) SetResult(v any) error {
	result, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("queue: result of job %s: %w", r.ID, err)
	}
	r.result = result
	return nil
}

// reportLostResult reports that a result is not kept, once for each kind.
func (t *task) reportLostResult() {
	if t.run.result == nil || t.policy.Retain > 0 || t.kind.resultLost.Swap(true) {
		return
	}
	e := t.event(EventWarning)
	e.Err = fmt.Errorf("queue: kind %q sets a result, which is not kept: give the kind or the job Retain", t.run.Kind)
	t.ses.observe(e)
}

// cutRecord takes out of what is kept of a done job what a full Redis has no room for: its data; and its result, if
// that is larger than the job was, which is reported.
func (t *task) cutRecord(record *wire.Record) {
	record.Data, record.Progress = nil, nil
	if len(record.Result) <= max(len(t.run.Data), cutText) {
		return
	}
	record.Result = nil
	e := t.event(EventWarning)
	e.Err = fmt.Errorf("queue: the result of job %s is not kept: %d bytes, and Redis is full", t.run.ID, len(t.run.result))
	t.ses.observe(e)
}

// Result returns what [Run.SetResult] has recorded, as JSON; nil if nothing.
func (r *Run) Result() []byte { return r.result }
