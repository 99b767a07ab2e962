// Package analytics counts what users do: the kind analytics.track, and the library below it.
//
// Each day, in UTC or the zone of [Config].Zone, has the hash analytics:events:<YYYY-MM-DD>, event to count, and the
// set analytics:users:<YYYY-MM-DD> of the users seen, as in the article; beside the set a HyperLogLog, for estimates
// over months. They stay until somebody deletes them, or analytics.expire lets them go; analytics.rollup keeps the
// months.
//
// An event that is too far from now has no day: all such are in one hash, which expires, see [Counter.Far]. Names are
// bounded, in length and in number, see [MaxNames].
//
// An event belongs to the day of its timestamp, or else of the moment its job was enqueued: never to the day on which a
// worker happens to get at it.
//
// Events are counted a thousand at a time, with some thirty commands to Redis. Delivery is at least once; the count is
// exact for what comes again within [CountedFor]. Counting leaves a mark for each job, in the same atomic step, and a
// job that has its mark is not counted. The mark goes when the job is acknowledged and cannot come again. A look at
// Run.Attempt or Run.Redelivered could not replace the mark: they show that an earlier run began, not how far it came.
// On a cluster, a failover that loses an acknowledgement and not the mark's end, in another slot, counts an event
// twice.
//
// A raw stream of events is bound to the kind analytics.track, unless its producers count for themselves, as the
// article's track_event does: then to analytics.tracked, which counts nothing. What [Counter.Track] puts on the stream
// is marked as counted, and right on either; what [Counter.Send] puts there is for analytics.track.
package analytics
