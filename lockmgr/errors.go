package lockmgr

import "github.com/navvy-go/navvy/lockmgr/internal/lease"

// Errors a caller can act on. They come wrapped, so find them with errors.Is.
var (
	// ErrNotAcquired says that another holds the lock. Of a wait that its context ended, the error wraps the context's
	// cause as well.
	ErrNotAcquired = lease.ErrNotAcquired

	// ErrLockLost says that a lock is no longer the holder's own: its TTL ended, or was about to end, before it could be
	// renewed, and another may hold it. It is also the cause of the end of the lock's context.
	ErrLockLost = lease.ErrLost

	// ErrInvalid says that the arguments make no sense: a name that is empty, longer than [MaxName] or has an odd brace, a
	// TTL below [MinTTL], no function, no permits.
	ErrInvalid = lease.ErrInvalid

	// ErrClosed says that the manager was closed.
	ErrClosed = lease.ErrClosed
)
