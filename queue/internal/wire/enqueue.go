package wire

import (
	"fmt"
	"math"
	"time"
)

// Bytes are data as an argument by its address.
type Bytes []byte

// MarshalBinary is called by the client library as it writes the command.
func (b *Bytes) MarshalBinary() ([]byte, error) { return *b, nil }

// AppendPlain appends the arguments of the XADD of a job that is due at once and has nothing to guard it. Strings and
// data are taken by their addresses: nothing is copied to the heap.
func AppendPlain(args []any, k *Keys, id, kind *string, data *Bytes, meta string) []any {
	args = append(args, "XADD", k.StreamArg, "*", FieldID, id, FieldKind, kind, FieldData, data)
	if meta != "" {
		args = append(args, FieldMeta, meta)
	}
	return args
}

// Enqueue is a job that is delayed, or guarded by a chosen ID or a unique key.
type Enqueue struct {
	ID, Kind, Meta string
	Data           []byte
	Due            *time.Time    // nil: at once
	Call           string        // the mark of this call; "" if the ID was not chosen
	Window         time.Duration // how long the ID is guarded after the job's end
	UniqueKey      string        // "" for none
	UniqueFor      time.Duration
}

// Args returns a call of enqueue.lua by its digest; see [EvalArgs].
func (e *Enqueue) Args(q *QueueRef) []any {
	data, meta, due, body, call := any(e.Data), e.Meta, any(""), "", ""
	if e.Due != nil {
		due, body = CeilMilli(*e.Due), EncodeBody(e.Kind, e.Meta, e.Data)
		data, meta = "", ""
	}
	if e.Call != "" {
		call = fmt.Sprintf("%s %d", e.Call, min(max(e.Window, 0), maxWindow).Milliseconds())
	}
	args := make([]any, 0, 26)
	args = append(args, "EVALSHA", scriptEnqueue.Hash(), 12, q.Stream, q.Delayed(), q.Retrying(), q.Bodies(), q.Totals(),
		q.Dead(), q.DeadIDs(), q.CancelledJobs(), q.IDs(), q.IDsEnds(), q.Job(e.ID), q.IDMarker(e.ID))
	if e.UniqueKey != "" {
		args[2] = 13
		args = append(args, q.Unique(e.UniqueKey))
	}
	lifetime := e.UniqueFor
	if lifetime < time.Millisecond { // Redis refuses such a lifetime, and the job would already be there
		lifetime = math.MaxInt64 // a delay and a lifetime that add up to more than a Duration holds
	}
	return append(args, e.ID, e.Kind, data, meta, due, body, q.Group, call, lifetime.Milliseconds())
}

// maxWindow keeps the end of a window within what Redis counts exactly.
const maxWindow = 100 * 365 * 24 * time.Hour

// EvalArgs makes a call that [Enqueue.Args] returned one by the script's text, for a server that does not have it.
func EvalArgs(args []any) { args[0], args[1] = "EVAL", scriptEnqueue.Text() }

// Duplicate is the job that an enqueue has found in its place.
type Duplicate struct {
	ID    string
	State string // "" if it is not known
}

// ReadEnqueue reads the reply of enqueue.lua: nil if the job was enqueued, now or by an earlier sending of the call.
func ReadEnqueue(reply any) *Duplicate {
	cells, _ := reply.([]any)
	if len(cells) < 3 {
		return nil
	}
	d := new(Duplicate)
	d.ID, _ = cells[1].(string)
	d.State, _ = cells[2].(string)
	return d
}
