// Package lockmgr gives locks that a fleet of processes shares through Redis.
//
// A lock is the key lock:<name>. Its value is the holder's random token, set with SET NX PX, and only the holder of
// that token deletes it. Programs in any language that do the same exclude this package's locks, and are excluded.
//
// # What a lock is worth
//
// A lock is renewed while its holder lives and keeps others out for its [TTL] when the holder dies, not for ever: a
// holder that is paused longer, or a Redis that fails over to a replica that has not seen the lock, lets a second
// holder in. Three things keep that from doing harm, each stronger than the one before:
//
//   - [Lock.Context] ends before the lock can end, so work that stops with its context stops in time.
//   - [Lock.Token] is greater than that of every holder before. A store that refuses lower tokens is safe from work
//     that does not stop, and from writes that were sent and arrive late.
//   - What must not happen twice at all, such as a payment, has a judge that does not forget: a UNIQUE column, or the
//     idempotency key of the payment's gateway.
//
// # What there is
//
// [Manager.Acquire] waits for a lock, [Manager.TryAcquire] does not, and [Manager.Do] holds it while a function runs.
// Waiters are woken by the release, and with [Fair] come in the order in which they asked. [Manager.Semaphore] lets
// several in, [Manager.RWLock] any number of readers or one writer. [Manager.Once] does work once for each idempotency
// key and replays its result. [Manager.Inspect] shows the holders of locks, and [Manager.Evict] takes a lock from one.
//
// A caller that gets an error holds nothing and leaves nothing behind, however late Redis answers, see
// [Manager.Acquire].
//
// Package quorum keeps a lock in most of several independent servers. Package idemhttp does for HTTP handlers what Once
// does for functions.
//
// # Not reentrant
//
// A lock belongs to the value [Lock], not to a process, goroutine or context. A holder that asks again waits for
// itself until its context ends; a reader that asks again while a writer waits does as well, each Acquire of a
// semaphore takes one more permit, and a key of Once is in progress within its own function. Pass the Lock, or the
// context of the work, to what runs under it.
package lockmgr
