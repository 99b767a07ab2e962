package main

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// slots is how many handlers run at once, for every contestant.
const slots = 100

// contestant is a job system under measurement. Every call works on an empty Redis or on what the same contestant put
// there.
type contestant interface {
	name() string

	// producer returns a way to enqueue one job per call, which many goroutines use at once.
	producer(rdb *redis.Client) (producer, error)

	// fill puts n jobs in Redis, as fast as it can.
	fill(ctx context.Context, rdb *redis.Client, n int) error

	// consume starts to run every job with handle, which does nothing but take note, until stop is called.
	consume(ctx context.Context, rdb *redis.Client, handle func()) (stop func() error, err error)

	// drained reports whether no job is left in Redis: each was run, acknowledged and deleted.
	drained(ctx context.Context, rdb *redis.Client) (bool, error)
}

// producer enqueues jobs with the 100-byte payload.
type producer interface {
	enqueue(ctx context.Context) error
	close() error
}

// payload is what every job carries: 100 bytes that are JSON too.
var payload = []byte(`{"pad":"` + strings.Repeat("x", 90) + `"}`)
