package wire

import (
	"math"
	"time"
)

// AppendPlain appends the arguments of the XADD of a job that is due at once and has nothing to guard it. Strings are
// taken by their addresses: nothing is copied to the heap.
func AppendPlain(args []any, k *Keys, id, kind *string, data []byte, meta string) []any {
	args = append(args, "XADD", k.StreamArg, "*", FieldID, id, FieldKind, kind, FieldData, data)
	if meta != "" {
		args = append(args, FieldMeta, meta)
	}
	return args
}

// Enqueue is a job that is delayed, or guarded by an ID or a unique key.
type Enqueue struct {
	ID, Kind, Meta string
	Data           []byte
	Due            *time.Time // nil: at once
	Guards         []Guard
}

// Guard is a key that lets one job in at a time.
type Guard struct {
	Key   string
	Value string // what the key then holds: a repeated call finds its own
	For   time.Duration
}

// Args returns a call of enqueue.lua by its digest; see [EvalArgs].
func (e *Enqueue) Args(k *Keys) []any {
	id, data, meta, due, body := e.ID, any(e.Data), e.Meta, any(""), ""
	if e.Due != nil {
		due, body = CeilMilli(*e.Due), EncodeBody(e.Kind, e.Meta, e.Data)
		data, meta = "", ""
	}
	args := []any{"EVALSHA", scriptEnqueue.Hash(), 4 + len(e.Guards), k.Stream, k.Delayed(), k.Bodies(), k.Totals()}
	for _, guard := range e.Guards {
		args = append(args, guard.Key)
	}
	args = append(args, id, e.Kind, data, meta, due, body)
	for _, guard := range e.Guards {
		lifetime := guard.For
		if lifetime < time.Millisecond { // Redis refuses such a lifetime, and the job would already be there
			lifetime = math.MaxInt64 // a delay and a lifetime that add up to more than a Duration holds
		}
		args = append(args, guard.Value, lifetime.Milliseconds())
	}
	return args
}

// EvalArgs makes a call that [Enqueue.Args] returned one by the script's text, for a server that does not have it.
func EvalArgs(args []any) { args[0], args[1] = "EVAL", scriptEnqueue.Text() }

// ReadEnqueue reads the reply of enqueue.lua: which guard was held, counted from 0, and what it holds; -1 if the job
// was enqueued, now or by an earlier sending of the call.
func ReadEnqueue(reply any) (guard int, holds string) {
	cells, _ := reply.([]any)
	if len(cells) < 3 {
		return -1, ""
	}
	at, _ := cells[2].(int64)
	holds, _ = cells[1].(string)
	return int(at) - 5, holds // the script's first guard is its fifth key
}
