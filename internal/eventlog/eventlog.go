// Package eventlog writes what happens to jobs and workers to a log: each event is one JSON object.
package eventlog

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/navvy-go/navvy/queue"
)

const timeFormat = "2006-01-02T15:04:05.000Z07:00" // RFC 3339 with milliseconds

// New returns an observer that writes each event to logger: what a person should look at as a warning, workers that
// come and go as information, the rest for debugging. Fields that do not apply are left out.
//
// The fields: event, job, kind, queue, worker, attempt, redelivered, time, took_ms, wait_ms, due, count, by, error.
func New(logger zerolog.Logger) queue.Observer { return observer{logger: logger} }

type observer struct{ logger zerolog.Logger }

// Observe writes e. It costs next to nothing when the level is off.
func (o observer) Observe(e queue.Event) {
	at := level(e.Type)
	if o.logger.GetLevel() > at {
		return
	}
	entry := text(o.logger.WithLevel(at), "event", string(e.Type))
	entry = text(entry, "job", e.Job)
	entry = text(entry, "kind", e.Kind)
	entry = text(entry, "queue", e.Queue)
	entry = text(entry, "worker", e.Worker)
	entry = number(entry, "attempt", e.Attempt)
	entry = number(entry, "redelivered", e.Redelivered)
	entry = moment(entry, zerolog.TimestampFieldName, e.Time)
	entry = milliseconds(entry, "took_ms", e.Took)
	entry = milliseconds(entry, "wait_ms", e.Wait)
	entry = moment(entry, "due", e.Due)
	entry = number(entry, "count", e.Count)
	entry = text(entry, "by", e.By)
	if e.Err != nil {
		entry = entry.Str("error", e.Err.Error())
	}
	entry.Send()
}

func level(event queue.EventType) zerolog.Level {
	switch event {
	case queue.EventLeaseLost, queue.EventRedisError, queue.EventWarning, queue.EventDead, queue.EventStuck:
		return zerolog.WarnLevel
	case queue.EventWorkerJoined, queue.EventWorkerLeft, queue.EventWorkerReaped, queue.EventPaused, queue.EventResumed,
		queue.EventWorkerQuiet, queue.EventWorkerAwake, queue.EventWorkerStopping, queue.EventCancelled, queue.EventExpired,
		queue.EventDiscarded:
		return zerolog.InfoLevel
	default:
		return zerolog.DebugLevel
	}
}

func text(entry *zerolog.Event, key, value string) *zerolog.Event {
	if value == "" {
		return entry
	}
	return entry.Str(key, value)
}

func number(entry *zerolog.Event, key string, value int) *zerolog.Event {
	if value == 0 {
		return entry
	}
	return entry.Int(key, value)
}

func moment(entry *zerolog.Event, key string, value time.Time) *zerolog.Event {
	if value.IsZero() {
		return entry
	}
	return entry.Str(key, value.UTC().Format(timeFormat))
}

// milliseconds keeps microseconds, as a fraction: most jobs take less than a millisecond.
func milliseconds(entry *zerolog.Event, key string, value time.Duration) *zerolog.Event {
	if value == 0 {
		return entry
	}
	return entry.Float64(key, float64(value.Microseconds())/1000)
}
