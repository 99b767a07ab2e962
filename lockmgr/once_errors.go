package lockmgr

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrKeyReused says that an idempotency key was used before with another fingerprint.
	ErrKeyReused = errors.New("idempotency key was used for something else")

	// ErrInProgress says that the work under an idempotency key is running; an [InProgressError] says until when at most.
	ErrInProgress = errors.New("work is in progress")
)

// InProgressError is [ErrInProgress] with a time.
type InProgressError struct {
	// RetryAfter is when the holder's lease ends: by then the work is done, or renewed its lease, or can be taken over.
	RetryAfter time.Duration

	// Running is how long the work has been running.
	Running time.Duration
}

// Error says when to ask again.
func (e *InProgressError) Error() string {
	return fmt.Sprintf("%v, ask again in %s", ErrInProgress, e.RetryAfter)
}

// Is reports whether target is [ErrInProgress].
func (e *InProgressError) Is(target error) bool { return target == ErrInProgress }

// FinalError is a failure that [Manager.Once] keeps and replays. Replayed, only its message is left.
type FinalError struct {
	message string
	err     error
}

// Final marks an error as one that trying again cannot mend, such as a declined card. It returns nil for nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &FinalError{message: err.Error(), err: err}
}

// Error is the message of the error that was marked.
func (e *FinalError) Error() string { return e.message }

// Unwrap is the error that was marked, or nil if it is replayed.
func (e *FinalError) Unwrap() error { return e.err }
