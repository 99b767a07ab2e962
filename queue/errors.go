package queue

import "errors"

// Errors a caller can act on. Every error of this package wraps its cause, so errors.Is and errors.As find it.
var (
	// ErrInvalid says that the call itself is wrong: an argument, an option or a configuration that makes no sense, or
	// options that exclude each other. Nothing was done, and repeating the call does not help.
	ErrInvalid = errors.New("invalid call")

	// ErrUnknownOutcome says that the connection failed after the job was sent: it may be in Redis or not.
	// Repeating the call may enqueue it twice, unless it has an [ID] or a [Unique] key.
	ErrUnknownOutcome = errors.New("unknown outcome: the job may or may not have been enqueued")

	// ErrDuplicate says that another job holds the unique key of one with [RejectDuplicate]: nothing was enqueued. It
	// comes with that job.
	ErrDuplicate = errors.New("another job holds the unique key: nothing was enqueued")

	// ErrFull says that Redis refused the job because it has reached its maxmemory.
	ErrFull = errors.New("redis is out of memory (maxmemory reached): nothing was enqueued")

	// ErrOverloaded says that this client already holds as many unsent jobs as ClientConfig.MaxBuffered allows.
	ErrOverloaded = errors.New("too many jobs are waiting to be sent: nothing was enqueued")

	// ErrTooLarge says that the job's data is larger than ClientConfig.MaxData.
	ErrTooLarge = errors.New("job data is too large: nothing was enqueued")

	// ErrNotDurable says that the job is enqueued, but was not as safe in time as [Durable] asked for.
	ErrNotDurable = errors.New("enqueued, but not as durable as asked")

	// ErrClosed says that the client or worker was closed.
	ErrClosed = errors.New("closed")

	// ErrLeaseLost is the cause of a handler's cancelled context when its worker could not renew its lease in time:
	// another worker may already run the job, and this run's outcome will not count.
	ErrLeaseLost = errors.New("lease lost: another worker may run this job now")

	// ErrStopping is the cause of a handler's cancelled context when the worker stops and its grace period is over.
	ErrStopping = errors.New("worker is stopping")

	// ErrCancelled is the cause of a handler's cancelled context when a person has cancelled the job, see
	// Inspector.Cancel in package inspect.
	ErrCancelled = errors.New("cancelled by a person")

	// ErrTimeout is the cause of a handler's cancelled context when the job ran longer than its [Timeout].
	ErrTimeout = errors.New("job timed out")
)
