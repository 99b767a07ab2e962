package queue

import (
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"
)

// State is where a job is in its life.
type State string

// The states of a job. Waiting is in the stream and not delivered; in flight is delivered and not acknowledged
// ("pending" in Redis' words); delayed is due later; retrying is delayed by a failure; dead gave up and is kept for a
// person; done is finished, and known only while it has [Retain].
const (
	StateWaiting  State = "waiting"
	StateInFlight State = "in_flight"
	StateDelayed  State = "delayed"
	StateRetrying State = "retrying"
	StateDead     State = "dead"
	StateDone     State = "done"
)

// Inspector shows what is in Redis and lets a person act on it. Nothing it does takes longer in a longer queue, unless
// its comment says what bounds it.
type Inspector struct {
	rdb       redis.UniversalClient
	namespace string
	now       func() time.Time
}

// InspectorConfig configures an [Inspector]. The zero value works.
type InspectorConfig struct {
	Namespace string           // defaults to "navvy"
	Now       func() time.Time // defaults to time.Now
}

// QueueInfo is a queue at a glance.
type QueueInfo struct {
	Name          string        `json:"queue"`
	Stream        string        `json:"stream"`
	Group         string        `json:"group"`
	Raw           bool          `json:"raw,omitempty"` // bound to a stream that others write
	Waiting       int64         `json:"waiting"`
	InFlight      int64         `json:"in_flight"`
	Delayed       int64         `json:"delayed"`
	Retrying      int64         `json:"retrying"`
	Dead          int64         `json:"dead"`
	Workers       int64         `json:"workers"`
	OldestWaiting time.Duration `json:"oldest_waiting_ns"` // age of the first waiting entry
	Totals        Totals        `json:"totals"`
}

// Totals count what has happened to a queue's jobs since it was created. They change in the same atomic step as the
// job itself.
type Totals struct {
	Done     int64 `json:"done"`
	Retried  int64 `json:"retried"` // failed attempts that are tried again
	Snoozed  int64 `json:"snoozed"`
	Dead     int64 `json:"dead"`
	Requeued int64 `json:"requeued"` // dead jobs brought back
	Deleted  int64 `json:"deleted"`  // by a person
}

// JobInfo is a job as it lies in Redis. Fields that do not apply to its state are zero.
type JobInfo struct {
	ID          string          `json:"id"`
	Kind        string          `json:"kind"`
	Queue       string          `json:"queue"`
	State       State           `json:"state"`
	Data        json.RawMessage `json:"data,omitempty"` // JSON; what is not JSON in Redis is shown as a JSON string
	Attempt     int             `json:"attempt"`        // failed attempts so far
	MaxAttempts int             `json:"max_attempts,omitempty"`
	Redelivered int             `json:"redelivered,omitempty"`
	EnqueuedAt  *time.Time      `json:"enqueued_at,omitempty"`
	Due         *time.Time      `json:"due,omitempty"`        // delayed, retrying
	Error       string          `json:"error,omitempty"`      // of the last failed attempt
	Reason      string          `json:"reason,omitempty"`     // dead: why
	EndedAt     *time.Time      `json:"ended_at,omitempty"`   // dead, done
	Entry       string          `json:"entry,omitempty"`      // waiting, in flight: the stream ID
	Worker      string          `json:"worker,omitempty"`     // in flight: who holds it; dead, done: who had it last
	IdleMS      int64           `json:"idle_ms,omitempty"`    // in flight: since its delivery
	Deliveries  int64           `json:"deliveries,omitempty"` // in flight
	Result      json.RawMessage `json:"result,omitempty"`     // done
	Progress    *Progress       `json:"progress,omitempty"`   // recorded by the handler
	UniqueKey   string          `json:"unique_key,omitempty"`
}

// Progress is what a handler recorded with [Run.SetProgress].
type Progress struct {
	Percent float64   `json:"percent"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}

// Page asks for one page of a list.
type Page struct {
	Cursor string // "" for the first page, then JobPage.Next
	Limit  int    // jobs at the most; defaults to 50, 1000 at the most
}

// JobPage is one page of a list.
type JobPage struct {
	Jobs []JobInfo
	Next string // the cursor of the next page; "" at the end
}

// WorkerInfo is one worker registered with a queue.
type WorkerInfo struct {
	Name     string    `json:"worker"`
	Queue    string    `json:"queue"`
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	Slots    int       `json:"slots"`
	Started  time.Time `json:"started_at"`
	LeaseMS  int64     `json:"lease_left_ms"` // by Redis' clock; negative when overdue
	InFlight int64     `json:"in_flight"`
}
