// Package analytics counts what users do: the kind analytics.track, and the library below it.
//
// Each day, in UTC, has the hash analytics:events:<YYYY-MM-DD>, event to count, and the set
// analytics:users:<YYYY-MM-DD> of the users seen. Both stay until somebody deletes them.
//
// An event belongs to the day of its timestamp, or else of the moment its job was enqueued: never to the day on which a
// worker happens to get at it.
//
// Delivery is at least once; the count is exact for what comes again within an hour. Counting an event leaves a mark
// for [CountedFor] at {analytics:events:<day>}:counted:<queue>:<job ID>, in the same atomic step, and an event that has
// its mark is not counted. A look at Run.Attempt or Run.Redelivered could not replace the mark: they tell that an
// earlier run began, not how far it came. A mark takes some 150 bytes of Redis for that hour. An event that comes again
// later, because no worker ran for an hour after one had died between the count and the acknowledgement, is counted
// twice.
package analytics
