package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// slots is how many handlers run at once, for every contestant.
const slots = 100

// contestant is a job system under measurement.
type contestant struct {
	name  string
	store func(*stores, context.Context) (store, error)

	// open connects to the store. Each measurement opens the contestant anew, on an empty store.
	open func(ctx context.Context, s store, p *payloads) (system, error)

	// fewer divides the number of jobs that are measured: what takes ten times as long for a job needs no more of them.
	fewer int

	// remark is what is not as the contestant comes, in the report.
	remark string
}

// contestants in the order of the report; the first is what the others are held against.
var contestants = []contestant{
	{name: "floor", store: (*stores).needRedis, open: openFloor, fewer: 1, remark: "a bare go-redis loop, no job system"},
	{name: "floor+json", store: (*stores).needRedis, open: openFloorJSON, fewer: 1,
		remark: "the bare loop, which encodes and decodes the payload with encoding/json"},
	{name: "navvy", store: (*stores).needRedis, open: openNavvy, fewer: 1},
	{name: "asynq", store: (*stores).needRedis, open: openAsynq, fewer: 10},
	{name: "river", store: (*stores).needPostgres, open: openRiver, fewer: 10,
		remark: "FetchCooldown at its least, 1 ms; with the default, 100 ms, 100 slots run 1,000 jobs a second"},
	{name: "watermill", store: (*stores).needRedis, open: openWatermill, fewer: 10,
		remark: "a subscription for each slot; entries stay in the stream after their acknowledgement"},
	{name: "bullmq", store: (*stores).needRedis, open: openBullMQ, fewer: 10,
		remark: "one Node.js process; removeOnComplete, or done jobs stay"},
}

// quick are the contestants that need nothing but Redis and finish soon.
const quick = "floor,navvy"

// chosen returns the contestants of a list of names, in the report's order.
func chosen(names string) ([]contestant, error) {
	if names == "all" {
		return contestants, nil
	}
	wanted := strings.Split(names, ",")
	var found []contestant
	for _, c := range contestants {
		if slices.Contains(wanted, c.name) {
			found = append(found, c)
			wanted = slices.DeleteFunc(wanted, func(name string) bool { return name == c.name })
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("bench: no contestant %q", wanted[0])
	}
	return found, nil
}

// system is a contestant that is connected to its store.
type system interface {
	// enqueue has callers enqueue at once, each one job at a time, until all jobs are enqueued or longest has passed. It
	// returns how many were.
	enqueue(ctx context.Context, jobs, callers int, longest time.Duration) (int, error)

	// fill enqueues jobs as fast as the contestant can.
	fill(ctx context.Context, jobs int) error

	// bulk reports whether fill is one of the contestant's own calls, for many jobs at once.
	bulk() bool

	// drain starts a worker and returns when it has run so many jobs. The worker goes on until the system is closed.
	drain(ctx context.Context, jobs int) error

	// drained reports whether no job is left to be done: each was run and acknowledged.
	drained(ctx context.Context) (bool, error)

	// idle enqueues one job at a time for a worker that waits, until there are so many samples or longest has passed, and
	// returns the times from before the call until the handler starts.
	idle(ctx context.Context, samples int, longest time.Duration) ([]time.Duration, error)

	// paced enqueues rate jobs a second for so long, and returns for each the time from when it was to be enqueued until
	// its handler started; errBehind if they fall more than a second behind.
	paced(ctx context.Context, rate int, long time.Duration) ([]time.Duration, error)

	// usage is what the process that enqueues and runs the jobs has used since its start.
	usage(ctx context.Context) (usage, error)

	// close stops the worker and disconnects.
	close(ctx context.Context) error
}

// usage is what a process has used. Allocations are 0 where they are not counted.
type usage struct {
	cpu         time.Duration
	allocations float64 // objects
	allocated   float64 // bytes
}
