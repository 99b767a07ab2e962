package queue

import "time"

// EventType names what happened.
type EventType string

// The events of a job's life, and of a worker's.
const (
	EventEnqueued  EventType = "job.enqueued"   // a client has put the job in Redis
	EventStarted   EventType = "job.started"    // a handler begins
	EventDone      EventType = "job.done"       // the handler returned nil
	EventFailed    EventType = "job.failed"     // the handler failed; the job is retried at Due
	EventSnoozed   EventType = "job.snoozed"    // the handler asked to run again at Due
	EventDead      EventType = "job.dead"       // the job gave up and is kept for a person
	EventCancelled EventType = "job.cancelled"  // a person has cancelled the job, and its run has ended or never began
	EventReleased  EventType = "job.released"   // handed back unstarted or unfinished; no attempt is burned
	EventReclaimed EventType = "job.reclaimed"  // taken over from a worker that died or let it go
	EventDropped   EventType = "job.dropped"    // the outcome of a run that no longer owned its job was thrown away
	EventStuck     EventType = "job.stuck"      // the handler ignores its cancelled context and keeps its slot
	EventExpired   EventType = "job.expired"    // the job was not started in time, see [ExpiresIn]
	EventDiscarded EventType = "jobs.discarded" // the caretaker deleted jobs that had ended, as it is configured to

	EventWorkerJoined EventType = "worker.joined" // the worker registered with a queue
	EventWorkerLeft   EventType = "worker.left"   // the worker deregistered from a queue
	// the worker lost its lease on a queue and comes back under a new name
	EventLeaseLost      EventType = "lease.lost"
	EventWorkerReaped   EventType = "worker.reaped"   // the caretaker parked the jobs of a dead worker
	EventWarning        EventType = "warning"         // something about this Redis, or a queue's stream, endangers jobs
	EventRedisError     EventType = "trouble"         // a command to Redis failed; the worker backs off and goes on
	EventCaretakerTaken EventType = "caretaker.taken" // the worker does the queue's chores from now on
	// the worker starts no more jobs of the queue: a person has paused it
	EventPaused         EventType = "queue.paused"
	EventResumed        EventType = "queue.resumed"   // it starts them again
	EventWorkerQuiet    EventType = "worker.quiet"    // it starts no more jobs at all: a person has commanded it
	EventWorkerAwake    EventType = "worker.awake"    // it starts them again
	EventWorkerStopping EventType = "worker.stopping" // the worker stops: a person has commanded it
)

// Event is one thing that happened. Fields that do not apply are zero.
type Event struct {
	Type        EventType
	Time        time.Time
	Queue       string
	Worker      string // consumer name
	Job         string // job ID
	Kind        string
	Attempt     int           // the run's number, from 1
	Redelivered int           // runs that ended without an outcome (crash, lost lease), counted apart
	Wait        time.Duration // started: since the job was enqueued, or due
	Took        time.Duration // done, failed, dead, cancelled, snoozed: the handler's running time
	Due         time.Time     // failed, snoozed, enqueued with a delay: when the job is due
	Count       int           // reaped, expired: how many jobs; 0 elsewhere
	By          string        // quiet, awake, stopping: the person that commanded it, if known
	Err         error
}
