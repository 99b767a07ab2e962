// Package queuetest is for tests of your own handlers and enqueues.
//
// [Run] and [RunBatch] run a handler once, without Redis. [Enqueuer] stands in for a client and records what was
// enqueued. [Server] starts a private Redis, and [Drain] runs a worker on it until nothing is left to do. A [Clock]
// makes delays and retries pass without waiting.
package queuetest
