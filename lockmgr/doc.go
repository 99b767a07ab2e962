// Package lockmgr gives locks that a fleet of processes shares through Redis.
//
// A lock is the key lock:<name>. Its value is the holder's random token, set with SET NX PX, and only the holder of
// that token deletes it. Programs in any language that do the same exclude this package's locks, and are excluded.
//
// A lock is renewed while its holder lives and keeps others out for its [TTL] when the holder dies, not for ever: a
// holder that is paused longer, or a Redis that fails over to a replica that has not seen the lock, lets a second holder
// in. [Lock.Context] tells the first one, and the store that refuses lower fencing tokens ([Lock.Token]) is safe from it.
// [Manager.Once] does work once for each idempotency key and replays its result.
package lockmgr
