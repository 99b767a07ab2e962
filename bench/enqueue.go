package main

import (
	"context"
	"fmt"
)

// measureEnqueue has many callers enqueue at once, each one job at a time, as the handlers of a web server do.
func measureEnqueue(ctx context.Context, t *trial) (figures, error) {
	return t.enqueue(ctx, "enqueue", t.callers)
}

// fewCallers are how many enqueue beside the measurement with many.
var fewCallers = []int{1, 16}

// measureCallers does the same with few callers.
func measureCallers(ctx context.Context, t *trial) (figures, error) {
	all := figures{}
	for _, callers := range fewCallers {
		found, err := t.enqueue(ctx, "enqueue", callers)
		if err != nil {
			return nil, err
		}
		all[fmt.Sprintf("enqueue_%d", callers)] = found["enqueue"]
	}
	return all, nil
}

func (t *trial) enqueue(ctx context.Context, metric string, callers int) (found figures, err error) {
	err = t.with(ctx, func(sys system) error {
		if _, err := sys.enqueue(ctx, 1, 1, longest); err != nil { // connects, registers the queue, loads scripts
			return err
		}
		var done int
		took, err := t.measure(ctx, sys, func() (err error) {
			done, err = sys.enqueue(ctx, t.jobs, callers, longest)
			return err
		})
		found = took.perJob(metric, done)
		return err
	})
	return found, err
}

// measureBulk enqueues with the call that a contestant has for many jobs at once.
func measureBulk(ctx context.Context, t *trial) (found figures, err error) {
	err = t.with(ctx, func(sys system) error {
		if !sys.bulk() {
			return nil
		}
		if err := sys.fill(ctx, 1); err != nil {
			return err
		}
		took, err := t.measure(ctx, sys, func() error { return sys.fill(ctx, t.jobs) })
		found = took.perJob("bulk", t.jobs)
		return err
	})
	return found, err
}
