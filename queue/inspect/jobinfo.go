package inspect

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// JobInfo is a job as it lies in Redis. Fields that do not apply to its state are zero.
type JobInfo struct {
	ID   string `json:"id"`
	Ref  string `json:"ref,omitempty"` // names the job where its ID may name another one, see [JobInfo.Name]
	Kind string `json:"kind"`
	// the lane of the queue that the job is or was in: high or low; "" for the normal one
	Priority string `json:"priority,omitempty"`
	Queue    string `json:"queue"`
	State    State  `json:"state"`
	// JSON; what is not JSON in Redis is shown as a JSON string, and what is no text either, in base64: {";base64":"…"}
	Data json.RawMessage `json:"data,omitempty"`
	// bytes of data and of a result that are too many to be shown, see [Page].MaxData and [JobInfo.WithoutLarge]
	LeftOut     int64      `json:"left_out,omitempty"`
	Attempt     int        `json:"attempt"` // failed attempts so far
	MaxAttempts int        `json:"max_attempts,omitempty"`
	Redelivered int        `json:"redelivered,omitempty"`
	EnqueuedAt  *time.Time `json:"enqueued_at,omitempty"`
	Due         *time.Time `json:"due,omitempty"` // delayed, retrying
	// waiting, in flight, delayed: it must have started by then
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Error     string     `json:"error,omitempty"` // of the last failed attempt
	// delayed: since when it waits for a worker that has a handler for its kind
	UnknownSince *time.Time `json:"unknown_since,omitempty"`
	Reason       string     `json:"reason,omitempty"`   // dead, cancelled: why
	EndedAt      *time.Time `json:"ended_at,omitempty"` // dead, cancelled, done
	Entry        string     `json:"entry,omitempty"`    // waiting, in flight, dead, cancelled: its stream ID there
	// in flight: the consumer that holds it; dead, cancelled, done: the last that did
	Worker     string          `json:"worker,omitempty"`
	IdleMS     int64           `json:"idle_ms,omitempty"`    // in flight: since its delivery
	Deliveries int64           `json:"deliveries,omitempty"` // in flight
	Result     json.RawMessage `json:"result,omitempty"`     // done
	Progress   *Progress       `json:"progress,omitempty"`   // recorded by the handler
	UniqueKey  string          `json:"unique_key,omitempty"`
	Trace      string          `json:"trace,omitempty"` // the traceparent it was enqueued with
	RequestID  string          `json:"request_id,omitempty"`
	// in flight: a person has cancelled it, and its handler goes on
	Cancelled *Attribution `json:"cancelled,omitempty"`
	Heartbeat Heartbeat    `json:"heartbeat,omitempty"` // in flight: how its holder is
	Parked    bool         `json:"parked,omitempty"`    // in flight: nobody holds it, see [HeartbeatParked]
	Held      bool         `json:"held,omitempty"`      // in flight: not started, its worker has no slot for it
	Crashes   int          `json:"crashes,omitempty"`   // in flight: how many workers died with it
	Stuck     bool         `json:"stuck,omitempty"`     // in flight: see [PresetStuck]
	NextStep  string       `json:"next_step,omitempty"` // in flight: what happens next, for a person
	NextAt    *time.Time   `json:"next_at,omitempty"`   // in flight: when, if that is known

	source wire.Entry // as it is in Redis
	member string     // of a delayed or retrying job: what stands for it in bodies
	record string     // of a done job: the ID that its record is kept under
	body   string     // of a delayed or retrying job
	due    string     // of a delayed or retrying job, as it is in Redis
}

// Name is what names the job in a call: its ID, unless that may name another job.
func (j JobInfo) Name() string { return cmp.Or(j.Ref, j.ID) }

// Failed is how many attempts of the job have failed.
func (j *JobInfo) Failed() int {
	if j.State == StateDone {
		return max(j.Attempt-1, 0)
	}
	return j.Attempt
}

// cursor is where a list goes on behind this job.
func (j *JobInfo) cursor() string {
	if j.Entry != "" {
		return j.Entry
	}
	return j.due + ":" + j.member
}

// place is where the job was seen.
func (j *JobInfo) place() wire.Place {
	switch j.State {
	case StateDelayed, StateRetrying:
		return wire.Place{Where: wire.InBodies, At: j.member}
	case StateDead:
		return wire.Place{Where: wire.InDead, At: j.Entry}
	case StateCancelled:
		return wire.Place{Where: wire.InCancelled, At: j.Entry}
	case StateExpired:
		return wire.Place{Where: wire.InExpired, At: j.Entry}
	case StateDone:
		return wire.Place{Where: wire.HasEnded}
	}
	return wire.PlaceOf(j.source.Ref)
}

func (j *JobInfo) setPriority(lane wire.Lane) {
	if lane != wire.NormalLane {
		j.Priority = lane.String()
	}
}

// shown is the job with its data.
func (j JobInfo) shown() JobInfo {
	j.Data = showData(j.source.Data)
	return j
}

// entryDeleted is the reason that a list gives for a job in flight of which nothing but its entry's ID is left.
const entryDeleted = "its entry was deleted"

// fromEntry shows an entry of the stream.
func fromEntry(q *wire.QueueRef, m redis.XMessage, state State) JobInfo {
	info := fromJob(q, decode(q, m), state)
	info.Entry = info.source.Ref.String()
	// Another program may have used the ID twice.
	if !info.source.Meta.Guarded && info.ID != info.Entry && !isULID(info.ID) {
		info.Ref = info.place().String()
	}
	return info
}

// decode reads an entry of the stream.
func decode(q *wire.QueueRef, m redis.XMessage) wire.Entry {
	e := wire.DecodeEntry([]byte(m.ID), messagePairs(m), q.Kind, func(b []byte) string { return string(b) }, nil)
	e.SetLane(q.Lane)
	return e
}

// messagePairs puts the fields that the client library hands out as a map back in navvy's order; the order of others
// is lost, and by name then.
func messagePairs(m redis.XMessage) []wire.Pair {
	fields := make([]wire.Pair, 0, len(m.Values))
	add := func(name string) {
		if value, ok := m.Values[name].(string); ok {
			fields = append(fields, wire.Pair{Name: []byte(name), Value: []byte(value)})
			delete(m.Values, name)
		}
	}
	for _, name := range []string{wire.FieldID, wire.FieldKind, wire.FieldData, wire.FieldMeta} {
		add(name)
	}
	for _, name := range sortedKeys(m.Values) {
		add(name)
	}
	return fields
}

// waitsForKind is shown of a job that no worker which has read it has a handler for.
const waitsForKind = "no worker here has a handler for this kind"

// fromJob shows a job without its data, which [JobInfo.shown] adds: most jobs that a search looks at are not shown.
func fromJob(q *wire.QueueRef, e wire.Entry, state State) JobInfo {
	info := JobInfo{
		source: e,
		ID:     e.ID, Kind: e.Kind, Queue: q.Name, State: state,
		Attempt: e.Meta.Attempt, MaxAttempts: int(e.Meta.MaxAttempts), Redelivered: e.Meta.Redelivered,
		Error: e.Meta.Error, UniqueKey: e.Meta.Unique, EnqueuedAt: timePtr(e.EnqueuedAt()),
		Trace: e.Meta.Trace, RequestID: e.Meta.RequestID,
	}
	info.setPriority(e.Meta.Lane)
	if e.Meta.Expires > 0 {
		info.ExpiresAt = timePtr(time.UnixMilli(e.Meta.Expires))
	}
	if e.Meta.Unknown > 0 {
		info.UnknownSince = timePtr(time.UnixMilli(e.Meta.Unknown))
		info.Error = cmp.Or(info.Error, waitsForKind)
	}
	if e.Err != nil {
		info.Error = e.Err.Error()
	}
	return info
}

// showData is data as JSON; what is not JSON becomes a JSON string, or an object with its bytes.
func showData(data []byte) json.RawMessage {
	switch {
	case len(data) == 0:
		return nil
	case !utf8.Valid(data):
		return fmt.Appendf(nil, `{%q:%q}`, wire.Base64Value, base64.StdEncoding.EncodeToString(data))
	case json.Valid(data):
		return data
	}
	return wire.AppendJSONString(nil, data)
}

// lastTime is the last that JSON can write.
var lastTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// timePtr is a time as it is shown, nil for none.
func timePtr(t time.Time) *time.Time {
	if t = inCalendar(t); t.IsZero() {
		return nil
	}
	return &t
}

// inCalendar bounds a time that another program may have written to what JSON has: it is zero before the year 1.
func inCalendar(t time.Time) time.Time {
	switch {
	case t.Before(time.Time{}):
		return time.Time{}
	case t.After(lastTime):
		return lastTime
	}
	return t.UTC()
}

func fromBody(q *wire.QueueRef, member, body string, due float64, state State) JobInfo {
	info := fromJob(q, wire.DecodeBody(member, body), state)
	info.member, info.body, info.due = member, body, formatDue(due)
	if info.ID != member {
		info.Ref = info.place().String()
	}
	info.Due = timePtr(time.UnixMilli(wire.ScoreMS(due)))
	return info
}

// fromKept shows a dead or cancelled job.
func fromKept(q *wire.QueueRef, m redis.XMessage, state State) JobInfo {
	e, death := wire.ReadDeath(m)
	info := fromJob(q, e, state)
	info.Entry, info.Worker, info.Reason, info.Error = m.ID, death.Worker, death.Reason, death.Error
	info.EndedAt = timePtr(death.At)
	return info
}

// fromRecord shows a job that was done and is kept for a while.
func fromRecord(q *wire.QueueRef, id string, record map[string]string) JobInfo {
	n := func(name string) int64 {
		v, _ := strconv.ParseInt(record[name], 10, 64)
		return v
	}
	info := JobInfo{
		record: id,
		ID:     cmp.Or(record["id"], id), Kind: record["kind"], Queue: q.Name, State: StateDone,
		Data:    showData([]byte(record["data"])),
		Attempt: int(n("attempt")), Redelivered: int(n("redelivered")), Worker: record["worker"],
		Result: showData([]byte(record["result"])), Progress: readProgress(record), UniqueKey: record["unique"],
		Trace: record["trace"], RequestID: record["request_id"],
		EndedAt: timePtr(time.UnixMilli(n("ended_ms"))),
	}
	info.setPriority(wire.ParseEntryRef(record["entry"]).Lane)
	if ms := n("enqueued_ms"); ms > 0 {
		info.EnqueuedAt = timePtr(time.UnixMilli(ms))
	}
	return info
}

func readProgress(record map[string]string) *Progress {
	var progress Progress
	if record["progress"] == "" || json.Unmarshal([]byte(record["progress"]), &progress) != nil {
		return nil
	}
	return &progress
}

// Why a job is dead, see [JobInfo].
const (
	ReasonAttempts    = wire.ReasonAttempts    // its last allowed attempt failed
	ReasonCancelled   = wire.ReasonCancelled   // its handler returned queue.Cancel
	ReasonUnknownKind = wire.ReasonUnknownKind // a worker has no handler for it
	ReasonUndecodable = wire.ReasonUndecodable // its entry or its data
	ReasonCrashed     = wire.ReasonCrashed     // as many workers died with it as MaxCrashes allows
	ReasonTooLarge    = wire.ReasonTooLarge    // the connection broke each time it was sent to a worker
	ReasonExpired     = wire.ReasonExpired     // of expired jobs
	ReasonByPerson    = wire.ReasonByPerson    // see [Inspector.Cancel] and [Inspector.Bury]
)

// Progress is what a handler recorded with Run.SetProgress.
type Progress struct {
	Percent float64   `json:"percent"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}
