// Package cache keeps what was expensive to make: values and pages in Redis, shared by a fleet, and the kinds
// cache.warm, cache.refresh and cache.invalidate that look after them.
//
// An entry is plain JSON at the key itself (user:profile:<id>, cache:page:<url>), so a program in any language that
// reads with GET and writes with SETEX shares it. What this package knows beyond that is in a companion key in the same
// slot of a cluster: {<key>}:meta, see [Cache]. A companion that does not belong to the value beside it, because another
// program wrote the value, is ignored.
//
// [GetOrLoad] runs one loader for each key in the whole fleet, hands its value to everybody who waits, and lets another
// process take over when that one dies. It refreshes popular entries before they expire (XFetch: Vattani, Chierichetti,
// Lowenstein, Optimal Probabilistic Cache Stampede Prevention, VLDB 2015), may serve stale ones while it does
// ([StaleFor]), spreads expiries, and remembers for a while what does not exist ([ErrNotFound]).
//
// A value that was loaded before an invalidation is never stored after it, as with the leases of Nishtala et al.,
// Scaling Memcache at Facebook, NSDI 2013. That needs [Cache.Delete] or its sisters: a bare DEL by another program
// cannot stop a load that is under way.
//
// For a local copy in the process give [New] a client with ClientSideCacheConfig (go-redis 9.22): reads are single MGET
// commands, which that client answers from memory until Redis notifies it that the key has changed.
package cache
