package wire

import "time"

// What the worker decides and the inspector explains: both must mean the same.
const (
	DefaultLease       = 4 * time.Second    // see queue.DefaultLease
	DefaultMaxCrashes  = 3                  // see queue.DefaultMaxCrashes
	DefaultForeignIdle = time.Minute        // see queue.DefaultForeignIdle
	DefaultMaxData     = 1 << 20            // see queue.DefaultMaxData
	CrashedKept        = 7 * 24 * time.Hour // how long it is remembered which workers died with a job
)

// Why a job is dead.
const (
	ReasonAttempts    = "attempts spent"
	ReasonCancelled   = "cancelled by its handler"
	ReasonUnknownKind = "no handler for its kind"
	ReasonUndecodable = "cannot be decoded"
	ReasonCrashed     = "crashed its worker"
	ReasonTooLarge    = "too large to receive"
	ReasonByPerson    = "cancelled by a person"
	ReasonExpired     = "not started in time"
)

// CeilMilli rounds up, so that a job never starts before it is due.
func CeilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
