package lockmgr

import "github.com/navvy-go/navvy/lockmgr/internal/lease"

// Prefixes of the keys. That of the lock is shared with programs that do not use this package.
const (
	lockPrefix      = lease.KeyPrefix
	semaphorePrefix = "semaphore:"
	rwPrefix        = "rwlock:"
	oncePrefix      = "once:"
)

// MaxName is the longest name of a lock or a semaphore, and the longest idempotency key: 1,024 bytes.
const MaxName = lease.MaxName
