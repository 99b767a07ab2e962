package inspect

import "errors"

// Errors a caller can act on. Every error of this package wraps its cause, so errors.Is and errors.As find it.
var (
	// ErrNotFound says that no job of that ID was found in the queue. A finished job leaves Redis unless it has [Retain].
	ErrNotFound = errors.New("no such job")

	// ErrNotSeen says that a job was not among the entries of the queue that were looked at: it may be among the others.
	// Jobs with an ID of their caller's choice are found wherever they are.
	ErrNotSeen = errors.New("not among the jobs that were looked at")

	// ErrBadQuery says that a [Query] asks for what jobs of its state do not have, or for no state.
	ErrBadQuery = errors.New("bad query")

	// ErrHeld says that a job cannot be released, or get other data, because a worker holds it: it must be cancelled
	// instead.
	ErrHeld = errors.New("its worker lives and may be running it")

	// ErrShared says that a stream has another consumer group, which may not have read what would be deleted.
	ErrShared = errors.New("the stream has another consumer group: nothing more was deleted")

	// ErrInUse says that a queue has a job, a worker or a cron entry, or is paused.
	ErrInUse = errors.New("the queue has a job, a worker or a cron entry, or is paused")

	// ErrNoCron says that a queue has no cron entry of that name.
	ErrNoCron = errors.New("no such cron entry")

	// ErrCronExists says that a queue has a cron entry of that name.
	ErrCronExists = errors.New("there is a cron entry of that name")

	// ErrBadCron says that a cron entry cannot be as it was asked for.
	ErrBadCron = errors.New("bad cron entry")

	// ErrTooLarge says that data is larger than a job's may be.
	ErrTooLarge = errors.New("data is too large: nothing was changed")
)
