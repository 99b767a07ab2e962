// Package ratelimit says how often something may be done, over a whole fleet: so many calls in a window, for each key.
//
// A limit is one of four algorithms, each one script and one round trip, on the clock of Redis:
//
//   - [SlidingLog] remembers each call, and is exact: no window of that length, wherever it begins, has more calls than
//     the limit. It takes some 100 bytes for each call that is in the window.
//   - [SlidingCounter] remembers two numbers, and takes the calls of the last window to be spread evenly.
//   - [FixedWindow] counts from one full minute (or other window) to the next; at its end, twice the limit may pass.
//   - [GCRA] is a leaky bucket: a burst, and then calls at an even pace. It remembers one number.
//
// A refused call costs nothing: it does not count, and writes nothing. Result.RetryAfter is exact to the microsecond:
// if nobody else comes, the call succeeds at that moment, and not one microsecond before.
//
// The keys of the first, rate_limit:<key>, and of the third, fw:<key>:<window>, are shared with programs in other
// languages: a sorted set of calls with their time in Unix seconds, and a counter. Their calls count here, and calls
// made here count there. Such a program may count its own refused calls; then they count here as well.
//
// Two limits on the same thing, such as ten a second and a hundred an hour, are [Several]: a call is taken from both or
// from none. As limiters of their own they need keys of their own, such as user-1:second and user-1:hour: with one
// algorithm they would share one log, and each would spoil it for the other.
//
// Redis may be away. A call then takes no longer than [Options].Timeout, and is refused with [ErrUnavailable], or, with
// FailOpen, allowed. Calls are charged at most once as long as connections last: when one breaks at the wrong moment,
// the client library may send a call again, and it is charged twice.
//
// If the clock of Redis is set back, a sliding log counts the calls of the time that comes again until it has passed.
package ratelimit
