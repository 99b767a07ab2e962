// Package queue runs background jobs on Redis Streams: an acknowledged job is never lost, a crashed worker's jobs
// run again within seconds, and a live worker's jobs are never started twice.
//
// Delivery is at least once: a job whose worker died after the effect and before the acknowledgement runs again, so
// handlers must be idempotent (package lockmgr helps with that).
//
// A [Client] enqueues, a [Worker] runs the handlers of a [Mux], an [Inspector] shows and steers what is in Redis.
// It depends on go-redis and a ULID library alone; an [Observer] is notified of what happens to jobs.
package queue
