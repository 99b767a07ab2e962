package queue

import (
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Args are the typed arguments of a job. They are stored as JSON; Kind names the handler that runs them,
// e.g. "payment.charge", and must not depend on the value.
type Args interface {
	Kind() string
}

// JSON makes arguments of a kind that is known only at run time, from data that is JSON already. Enqueue refuses data
// that is not valid JSON.
func JSON(kind string, data []byte) Args { return jsonArgs{kind: kind, data: data} }

type jsonArgs struct {
	kind string
	data []byte
}

func (a jsonArgs) Kind() string { return a.kind }

// Job is a job as its handler receives it: its typed arguments and what is known about this run.
type Job[T any] struct {
	*Run
	Args T
}

// Run is one delivery of a job to a handler.
type Run struct {
	ID          string    // the job's ID, the same through delays, retries and moves
	Kind        string    // names the handler
	Queue       string    // the queue it came from
	Worker      string    // the consumer name of the worker that runs it
	Attempt     int       // this run's number, from 1; only runs with an outcome of their own count
	MaxAttempts int       // the job is dead after so many failed attempts
	Redelivered int       // runs that ended without an outcome (crash, lost lease); they burn no attempt
	EnqueuedAt  time.Time // when the client enqueued it, by the client's clock
	LastError   string    // what the previous attempt failed with; "" on the first
	Trace       string    // the traceparent it was enqueued with, see [Trace]; "" if there was none
	RequestID   string    // the request it was enqueued for, see [RequestID]; "" if there was none
	Data        []byte    // the arguments as JSON; must not be changed

	task     *task  // nil of a run that no worker made
	batch    []*Run // of a run that no worker made: see [Mux.RunBatch]
	result   []byte
	progress wire.Progress
}

// Acknowledged reports whether the job's success is recorded in Redis: it will not come again, as long as Redis keeps
// its data. It is false while its handler runs. A handler may ask about the runs before, to clear away what kept them
// from doing their work twice.
func (r *Run) Acknowledged() bool { return r.task != nil && r.task.recorded.Load() }
