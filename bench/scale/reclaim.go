package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// reclaim lets a worker die with 100,000 jobs in its hands, beside a foreign consumer that has just read as many, and
// waits until another worker has parked the former.
func (t *trial) reclaim(ctx context.Context) error {
	n := max(t.big.inFlight, 1000)
	b := backlog{queue: "crashed", inFlight: 2 * n, workers: 2, gone: 2}
	w, err := dialWire(ctx, t.address)
	if err != nil {
		return err
	}
	w.command("HSET", "navvy:queues", b.queue, "{}")
	b.fillStream(w, newMaker(), time.Now())
	if err := w.close(); err != nil {
		return err
	}
	if err := b.deliver(ctx, t.rdb); err != nil {
		return err
	}
	return t.watching(ctx, "reclaim", func() error { return t.reap(ctx, b, int64(n)) })
}

// reap declares the first consumer dead and the second a stranger, and runs a worker for a while.
func (t *trial) reap(ctx context.Context, b backlog, n int64) error {
	if err := t.rdb.ZAdd(ctx, b.key(":workers"), redis.Z{Score: 1, Member: b.consumer(0)}).Err(); err != nil {
		return fmt.Errorf("scale: reclaim: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	inspector, err := inspect.New(t.rdb, inspect.Config{})
	if err == nil {
		err = inspector.Pause(ctx, b.queue)
	}
	if err != nil {
		return err
	}
	mux := queue.NewMux()
	worker, err := queue.NewWorker(t.rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{b.queue: {}}})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	began := time.Now()
	took, err := t.awaitParked(ctx, b, n, began)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return err
	}
	fmt.Fprintf(t.report.out,
		"reclaim: %d entries of a dead worker were parked within %.1f s of the next worker's start\n", n, took.Seconds())
	return nil
}

func (t *trial) awaitParked(ctx context.Context, b backlog, n int64, began time.Time) (time.Duration, error) {
	for {
		pending, err := t.rdb.XPending(ctx, b.key(""), queue.DefaultGroup).Result()
		if err != nil {
			return 0, fmt.Errorf("scale: reclaim: %w", err)
		}
		if pending.Consumers["~orphans"] >= n {
			return time.Since(began), wait(ctx, 3*time.Second) // some more beats, with the stranger there
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return 0, fmt.Errorf("scale: reclaim: %d of %d entries are parked: %w", pending.Consumers["~orphans"], n, err)
		}
	}
}
