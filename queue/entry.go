package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// The fields of an entry, always these names in this order: Redis then stores the names once per node of the stream.
const (
	fieldID   = "id"
	fieldKind = "kind"
	fieldData = "data"
	fieldMeta = "meta"
)

// meta is what there is to say about a job beyond its ID, kind and data. A plain first attempt has none.
type meta struct {
	Attempt     int    `json:"attempt,omitempty"`     // failed attempts so far
	Redelivered int    `json:"redelivered,omitempty"` // before the last retry
	EnqueuedAt  int64  `json:"enqueued_ms,omitempty"` // when the ID does not tell
	MaxAttempts int64  `json:"max_attempts,omitempty"`
	Timeout     int64  `json:"timeout_ms,omitempty"`
	BackoffMin  int64  `json:"backoff_min_ms,omitempty"`
	BackoffMax  int64  `json:"backoff_max_ms,omitempty"`
	Retain      int64  `json:"retain_ms,omitempty"`
	Unique      string `json:"unique,omitempty"`
	Error       string `json:"error,omitempty"` // of the last failed attempt
	Trace       string `json:"trace,omitempty"` // the traceparent it was enqueued in
	RequestID   string `json:"request_id,omitempty"`
}

func (m *meta) encode() string {
	if *m == (meta{}) {
		return ""
	}
	text, _ := json.Marshal(m) // numbers and strings alone: cannot fail
	return string(text)
}

func decodeMeta(text []byte) (*meta, error) {
	if len(text) == 0 {
		return noMeta, nil
	}
	m := new(meta)
	if err := json.Unmarshal(text, m); err != nil {
		return noMeta, fmt.Errorf("meta is not JSON: %w", err)
	}
	m.Attempt, m.Redelivered = max(m.Attempt, 0), max(m.Redelivered, 0) // somebody else may have written it
	return m, nil
}

func (m *meta) setPolicy(p *Policy) {
	m.MaxAttempts = int64(p.MaxAttempts)
	m.Timeout = p.Timeout.Milliseconds()
	m.BackoffMin = p.BackoffMin.Milliseconds()
	m.BackoffMax = p.BackoffMax.Milliseconds()
	m.Retain = p.Retain.Milliseconds()
}

// policy returns the kind's policy, with what the job was enqueued with laid over it if there is any.
func (m *meta) policy(ofKind *Policy) *Policy {
	if m.MaxAttempts|m.Timeout|m.BackoffMin|m.Retain == 0 {
		return ofKind
	}
	p := *ofKind
	if m.MaxAttempts > 0 {
		p.MaxAttempts = int(m.MaxAttempts)
	}
	if m.Timeout > 0 {
		p.Timeout = time.Duration(m.Timeout) * time.Millisecond
	}
	if m.BackoffMin > 0 {
		p.backoff = nil
		p.BackoffMin = time.Duration(m.BackoffMin) * time.Millisecond
		p.BackoffMax = time.Duration(m.BackoffMax) * time.Millisecond
	}
	if m.Retain > 0 {
		p.Retain = time.Duration(m.Retain) * time.Millisecond
	}
	return &p
}

// entry is a job as it stands in a stream or, with no stream ID, in the bodies of delayed jobs.
type entry struct {
	entryID string // its ID in the stream
	id      string
	kind    string
	data    []byte
	meta    *meta // never nil
	err     error // why it cannot be run; the other fields then hold what could be read
}

// noMeta is what most entries have: nothing to say. It is shared, so whoever changes a job's meta copies it first.
var noMeta = &meta{}

// encodeBody frames a job for the bodies hash as "<len kind> <len meta> <kind><meta><data>": safe for any bytes, and
// cheap to take apart in a script.
func encodeBody(kind, meta string, data []byte) string {
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

func decodeBody(id, body string) entry {
	e := entry{id: id, meta: noMeta}
	kindText, rest, ok1 := strings.Cut(body, " ")
	metaText, rest, ok2 := strings.Cut(rest, " ")
	kindLen, err1 := strconv.Atoi(kindText)
	metaLen, err2 := strconv.Atoi(metaText)
	if !ok1 || !ok2 || errors.Join(err1, err2) != nil || kindLen < 0 || kindLen > len(rest) || metaLen < 0 || metaLen > len(rest)-kindLen {
		e.data, e.err = []byte(body), errors.New("its body is damaged")
		return e
	}
	e.kind = rest[:kindLen]
	e.data = []byte(rest[kindLen+metaLen:])
	e.meta, e.err = decodeMeta([]byte(rest[kindLen : kindLen+metaLen]))
	return e
}

// pair is one field of an entry, still in the buffer it was read into.
type pair struct{ name, value []byte }

// decodeEntry makes an entry of its fields, copying what it keeps. rawKind is "" for a queue of navvy's own: its
// entries must name their kind, which intern makes a string of. On a raw stream, entries in any other form than navvy's are jobs of rawKind whose data
// is their fields.
func decodeEntry(streamID string, fields []pair, rawKind string, intern func([]byte) string) entry {
	if rawKind != "" && !isNavvyForm(fields) {
		return entry{entryID: streamID, id: streamID, kind: rawKind, data: fieldsToJSON(fields), meta: noMeta}
	}
	e := entry{entryID: streamID, id: streamID, meta: noMeta}
	var metaText []byte
	for _, f := range fields {
		switch string(f.name) {
		case fieldID:
			e.id = string(f.value)
		case fieldKind:
			e.kind = intern(f.value)
		case fieldData:
			e.data = bytes.Clone(f.value)
		case fieldMeta:
			metaText = f.value
		}
	}
	if e.kind == "" {
		e.data, e.err = fieldsToJSON(fields), errors.New("entry has no field \"kind\"")
		return e
	}
	e.meta, e.err = decodeMeta(metaText)
	return e
}

// isNavvyForm tells an entry that navvy wrote (a retried job, on a raw stream) from one of another program that
// happens to have a field of the same name.
func isNavvyForm(fields []pair) bool {
	names := [...]string{fieldID, fieldKind, fieldData, fieldMeta}
	if len(fields) < 3 || len(fields) > 4 {
		return false
	}
	for i, f := range fields {
		if string(f.name) != names[i] {
			return false
		}
	}
	return true
}

// fieldsToJSON makes a JSON object of flat fields, in their order, every value a string as Redis has it. Of a name
// that comes twice the last value counts for most readers, as in JSON.
func fieldsToJSON(fields []pair) []byte {
	size := 2
	for _, f := range fields {
		size += len(f.name) + len(f.value) + 8
	}
	object := append(make([]byte, 0, size), '{')
	for i, f := range fields {
		if i > 0 {
			object = append(object, ',')
		}
		object = appendJSONString(object, f.name)
		object = append(object, ':')
		object = appendJSONString(object, f.value)
	}
	return append(object, '}')
}

// appendJSONString quotes a text as json.Marshal does, which it leaves the unusual to.
func appendJSONString(to, text []byte) []byte {
	start := len(to)
	to = append(to, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c < ' ' || c > '~' || c == '<' || c == '>' || c == '&':
			quoted, _ := json.Marshal(string(text)) // a string: cannot fail
			return append(to[:start], quoted...)
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}

// enqueuedAt tells when a job was enqueued: its meta says so, or its ULID, or the ID of its entry.
func (e *entry) enqueuedAt() time.Time {
	if e.meta.EnqueuedAt > 0 {
		return time.UnixMilli(e.meta.EnqueuedAt)
	}
	if id, err := ulid.ParseStrict(e.id); err == nil {
		return ulid.Time(id.Time())
	}
	return entryTime(e.entryID)
}

// entryTime returns the time in a stream ID, the zero time if there is none.
func entryTime(streamID string) time.Time {
	ms, _, _ := strings.Cut(streamID, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}
