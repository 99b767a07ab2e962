package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/navvy-go/navvy/internal/redisx"
)

// The fields of an entry, always these names in this order: Redis then stores the names once per node of the stream.
const (
	FieldID   = "id"
	FieldKind = "kind"
	FieldData = "data"
	FieldMeta = "meta"
)

// Meta is what there is to say about a job beyond its ID, kind and data. A plain first attempt has none.
type Meta struct {
	Guarded     bool   `json:"guarded,omitempty"`     // its ID was chosen: the first, so that scripts find it at once
	Lane        Lane   `json:"lane,omitempty"`        // while it is in none: the second, likewise
	Attempt     int    `json:"attempt,omitempty"`     // failed attempts so far
	Redelivered int    `json:"redelivered,omitempty"` // before the last retry
	EnqueuedAt  int64  `json:"enqueued_ms,omitempty"` // when the ID does not say
	MaxAttempts int64  `json:"max_attempts,omitempty"`
	Timeout     int64  `json:"timeout_ms,omitempty"`
	BackoffMin  int64  `json:"backoff_min_ms,omitempty"`
	BackoffMax  int64  `json:"backoff_max_ms,omitempty"`
	Retain      int64  `json:"retain_ms,omitempty"`
	Expires     int64  `json:"expires_ms,omitempty"` // when it must have started; goes with its first start
	Unique      string `json:"unique,omitempty"`
	Error       string `json:"error,omitempty"`            // of the last failed attempt
	Unknown     int64  `json:"unknown_since_ms,omitempty"` // since when it waits for a worker that has its kind
	Trace       string `json:"trace,omitempty"`            // the traceparent it was enqueued in
	RequestID   string `json:"request_id,omitempty"`
}

// Encode returns the meta as an entry has it, "" for one that says nothing.
func (m *Meta) Encode() string {
	if *m == (Meta{}) {
		return ""
	}
	text, _ := json.Marshal(m) // numbers and strings alone: cannot fail
	return string(text)
}

// DecodeMeta reads what Encode wrote, or what another program did.
func DecodeMeta(text []byte) (*Meta, error) {
	if len(text) == 0 {
		return NoMeta, nil
	}
	m := new(Meta)
	if err := json.Unmarshal(text, m); err != nil {
		return NoMeta, fmt.Errorf("meta is not JSON: %w", err)
	}
	m.Attempt, m.Redelivered = limitCount(m.Attempt), limitCount(m.Redelivered)
	return m, nil
}

// Entry is a job as it stands in a stream or, with no stream ID, in the bodies of delayed jobs.
type Entry struct {
	Ref  EntryRef // the zero value in bodies
	ID   string
	Kind string
	Data []byte
	Meta *Meta // never nil
	Err  error // why it cannot be run; the other fields then hold what could be read
}

// NoMeta is what most entries have: nothing to say. It is shared, so a caller that changes a job's meta copies it
// first.
var NoMeta = &Meta{}

// EncodeBody frames a job for the bodies hash as "<len kind> <len meta> <kind><meta><data>": safe for any bytes, and
// cheap to take apart in a script.
func EncodeBody(kind, meta string, data []byte) string {
	var b strings.Builder
	b.Grow(len(kind) + len(meta) + len(data) + 10)
	b.WriteString(strconv.Itoa(len(kind)))
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(len(meta)))
	b.WriteByte(' ')
	b.WriteString(kind)
	b.WriteString(meta)
	b.Write(data)
	return b.String()
}

// DecodeBody reads what EncodeBody wrote. A member whose body begins with 0 has the job's entry behind its ID: another
// job of that ID was there before.
func DecodeBody(member, body string) Entry {
	e := Entry{ID: member, Meta: NoMeta}
	if at := strings.LastIndexByte(member, ' '); at >= 0 && len(body) > 1 && body[0] == '0' && body[1] != ' ' {
		e.ID = member[:at]
	}
	kindText, rest, ok1 := strings.Cut(body, " ")
	metaText, rest, ok2 := strings.Cut(rest, " ")
	kindLen, err1 := strconv.Atoi(kindText)
	metaLen, err2 := strconv.Atoi(metaText)
	if !ok1 || !ok2 || errors.Join(err1, err2) != nil ||
		kindLen < 0 || kindLen > len(rest) || metaLen < 0 || metaLen > len(rest)-kindLen {
		e.Data, e.Err = []byte(body), errors.New("its body is damaged")
		return e
	}
	e.Kind = rest[:kindLen]
	e.Data = []byte(rest[kindLen+metaLen:])
	e.Meta, e.Err = DecodeMeta([]byte(rest[kindLen : kindLen+metaLen]))
	return e
}

// Pair is one field of an entry, still in the buffer it was read into.
type Pair struct{ Name, Value []byte }

// DecodeEntry makes an entry of its fields, copying to the arena what it keeps. rawKind is "" for a queue of navvy's
// own: its entries must name their kind, which intern makes a string of. On a raw stream, entries in any other form
// than navvy's are jobs of rawKind whose data is their fields.
func DecodeEntry(
	entryID []byte, fields []Pair, rawKind string, intern func([]byte) string, to *Arena,
) Entry {
	streamID := to.Text(entryID)
	if rawKind != "" && !isNavvyForm(fields) {
		return Entry{Ref: EntryRef{ID: streamID}, ID: streamID, Kind: rawKind, Data: fieldsToJSON(fields), Meta: NoMeta}
	}
	e := Entry{Ref: EntryRef{ID: streamID}, ID: streamID, Meta: NoMeta}
	var metaText []byte
	for _, f := range fields {
		switch string(f.Name) {
		case FieldID:
			if len(f.Value) > 0 { // an empty one would be that of all that have none
				e.ID = to.Text(f.Value)
			}
		case FieldKind:
			e.Kind = intern(f.Value)
		case FieldData:
			e.Data = to.Data(f.Value)
		case FieldMeta:
			metaText = f.Value
		}
	}
	if e.Kind == "" {
		e.Data, e.Err = fieldsToJSON(fields), errors.New("entry has no field \"kind\"")
		return e
	}
	e.Meta, e.Err = DecodeMeta(metaText)
	return e
}

// SetLane notes the lane of an entry that was just decoded: whatever its meta says, it is in this one. A job without an
// ID of its own is named after its entry.
func (e *Entry) SetLane(lane Lane) {
	unnamed := e.ID == e.Ref.ID
	if e.Ref.Lane = lane; unnamed {
		e.ID = e.Ref.String()
	}
	switch {
	case e.Meta.Lane == lane:
	case e.Meta == NoMeta:
		e.Meta = laneMetas[lane]
	default:
		e.Meta.Lane = lane
	}
}

// laneMetas are those of plain jobs, shared as NoMeta is.
var laneMetas = [...]*Meta{NormalLane: NoMeta, HighLane: {Lane: HighLane}, LowLane: {Lane: LowLane}}

// isNavvyForm distinguishes an entry that navvy wrote (a retried job, on a raw stream) from one of another program that
// happens to have a field of the same name.
func isNavvyForm(fields []Pair) bool {
	names := [...]string{FieldID, FieldKind, FieldData, FieldMeta}
	if len(fields) < 3 || len(fields) > 4 {
		return false
	}
	for i, f := range fields {
		if string(f.Name) != names[i] {
			return false
		}
	}
	return true
}

// EnqueuedAt returns when a job was enqueued: its meta says so, or its ULID, or the ID of its entry.
func (e *Entry) EnqueuedAt() time.Time {
	if e.Meta.EnqueuedAt > 0 {
		return LimitTime(time.UnixMilli(e.Meta.EnqueuedAt))
	}
	if id, err := ulid.ParseStrict(e.ID); err == nil {
		return LimitTime(ulid.Time(id.Time()))
	}
	at, _ := redisx.ParseStreamID(e.Ref.ID)
	return at.Time()
}
