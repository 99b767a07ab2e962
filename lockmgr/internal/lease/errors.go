package lease

import "errors"

// The errors that package lockmgr exports under names of its own, and documents.
var (
	ErrNotAcquired = errors.New("lock is held by another")
	ErrLost        = errors.New("lock was lost")
	ErrInvalid     = errors.New("invalid argument")
	ErrClosed      = errors.New("manager is closed")
)
