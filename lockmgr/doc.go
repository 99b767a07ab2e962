// Package lockmgr gives locks that a fleet of processes shares through Redis.
//
// A lock is the key lock:<name>. Its value is the holder's random token, set with SET NX PX, and only the holder of
// that token deletes it. Programs in any language that do the same exclude this package's locks, and are excluded.
//
// A lock keeps others out for its [TTL], not for ever: a holder that is paused longer, or a Redis that fails over to a
// replica that has not seen the lock, lets a second holder in. So a lock saves work and keeps order; what must happen
// once also needs a guard at the resource itself, such as an idempotency key or a compare-and-set.
package lockmgr
