package wire

import (
	"math"
	"strconv"
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
	Until          Until // of the unique key, in place of a time
	Replace        bool  // the job that holds the unique key gets the data of this one
	Debounce       bool  // and is put off until this one is due
}

// Guarded reports whether repeating the call has no second effect: a guard identifies it.
func (e *Enqueue) Guarded() bool { return e.Call != "" || e.UniqueKey != "" }

// Companion reports whether two jobs of a queue may be in one call: only those that use the same keys, so that a
// damaged one fails no job that has nothing to do with it.
func (e *Enqueue) Companion(of *Enqueue) bool {
	return (e.Due != nil) == (of.Due != nil) && (e.Call != "") == (of.Call != "") &&
		(e.UniqueKey != "") == (of.UniqueKey != "")
}

// EnqueueArgs returns a call for companions, [MovesAtOnce] at the most: by the digest of the script, or by its text for
// a server that does not have it.
func EnqueueArgs(q *QueueRef, jobs []*Enqueue, asText bool) []any {
	script := scriptDelayed
	if jobs[0].Guarded() {
		script = scriptEnqueue
	}
	args := make([]any, 0, 14+12*len(jobs))
	if asText {
		args = append(args, "EVAL", script.Text())
	} else {
		args = append(args, "EVALSHA", script.Hash())
	}
	if jobs[0].Guarded() {
		return appendGuarded(args, q, jobs)
	}
	args = append(args, 3, q.Delayed(), q.Bodies(), q.Totals())
	for _, e := range jobs {
		args = append(args, e.ID, CeilMilli(*e.Due), EncodeBody(e.Kind, e.Meta, e.Data))
	}
	return args
}

func appendGuarded(args []any, q *QueueRef, jobs []*Enqueue) []any {
	args = append(args, 10+4*len(jobs), q.Stream, q.Delayed(), q.Retrying(), q.Bodies(), q.Totals(), q.Dead(),
		q.DeadIDs(), q.CancelledJobs(), q.IDs(), q.IDsEnds())
	for _, e := range jobs {
		record, result, marker, unique := q.StreamArg, q.StreamArg, q.StreamArg, q.StreamArg
		if e.Call != "" {
			record, result, marker = q.Job(e.ID), q.Result(e.ID), q.IDMarker(e.ID)
		}
		if e.UniqueKey != "" {
			unique = q.Unique(e.UniqueKey)
		}
		args = append(args, record, result, marker, unique)
	}
	args = append(args, q.Group)
	for _, e := range jobs {
		args = e.appendTo(args)
	}
	return args
}

func (e *Enqueue) appendTo(args []any) []any {
	args = append(args, e.ID)
	if e.Due != nil {
		args = append(args, "", "", "", CeilMilli(*e.Due), EncodeBody(e.Kind, e.Meta, e.Data))
	} else {
		args = append(args, e.Kind, e.Data, e.Meta, "", "")
	}
	call, lifetime := any(""), any("")
	if e.Call != "" {
		call = e.mark() + " " + strconv.FormatInt(min(max(e.Window, 0), maxWindow).Milliseconds(), 10)
	}
	if e.UniqueKey != "" {
		lifetime = e.unique()
	}
	return append(args, call, lifetime)
}

// mark is that of the call and, behind =, the unique key that the guard holds: what ends where no worker sees it must
// not keep that key for ever.
func (e *Enqueue) mark() string {
	if e.Until == "" {
		return e.Call
	}
	return e.Call + "=" + e.UniqueKey
}

// unique says how long the unique key is held, and what to do with the job that has it.
func (e *Enqueue) unique() any {
	lifetime := int64(0)
	if e.Until == "" {
		lifetime = e.lifetime().Milliseconds()
	}
	if !e.Replace && !e.Debounce {
		return lifetime
	}
	how := strconv.FormatInt(lifetime, 10)
	if e.Replace {
		how += " replace"
	}
	if e.Debounce {
		how += " debounce"
	}
	return how
}

// lifetime is that of the unique key. Redis refuses one below a millisecond, and the job would already be there; a
// delay and a lifetime may add up to more than a Duration holds.
func (e *Enqueue) lifetime() time.Duration {
	if e.UniqueFor < time.Millisecond {
		return math.MaxInt64
	}
	return e.UniqueFor
}

// maxWindow keeps the end of a window within what Redis counts exactly.
const maxWindow = 100 * 365 * 24 * time.Hour

// Duplicate is the job that an enqueue has found in its place.
type Duplicate struct {
	ID      string
	State   string     // "" if it is not known
	Changed bool       // as the call asked
	Due     *time.Time // of a delayed job that was changed
}

// ReadEnqueue reads the reply for each of so many jobs.
func ReadEnqueue(reply any, jobs int) ([]any, error) {
	cells, _ := reply.([]any)
	if len(cells) != jobs {
		return nil, ErrProtocol
	}
	return cells, nil
}

// ReadEnqueued reads the reply for one job: the job that it is a duplicate of; nil if it was enqueued, now or by an
// earlier sending of the call.
func ReadEnqueued(cell any) (*Duplicate, error) {
	switch cell := cell.(type) {
	case int64:
		return nil, nil
	case error:
		return nil, cell
	case []any:
		if len(cell) == 3 || len(cell) == 4 {
			return readDuplicate(cell), nil
		}
	}
	return nil, ErrProtocol
}

func readDuplicate(cell []any) *Duplicate {
	d := &Duplicate{Changed: len(cell) == 4}
	d.ID, _ = cell[1].(string)
	d.State, _ = cell[2].(string)
	if d.Changed {
		if due, _ := cell[3].(string); due != "" {
			at := LimitTime(time.UnixMilli(parseInt(due)))
			d.Due = &at
		}
	}
	return d
}
