package main

import (
	"context"
	"fmt"
	"time"
)

// measureDrain has one worker run a queue full of waiting jobs, from its start until the last job is accounted for.
func measureDrain(ctx context.Context, t *trial) (found figures, err error) {
	if err := t.with(ctx, func(sys system) error { return sys.fill(ctx, t.jobs) }); err != nil {
		return nil, err
	}
	err = t.with(ctx, func(sys system) error {
		took, err := t.measure(ctx, sys, func() error {
			if err := sys.drain(ctx, t.jobs); err != nil {
				return err
			}
			return untilDrained(ctx, sys)
		})
		found = took.perJob("drain", t.jobs)
		return err
	})
	return found, err
}

// untilDrained looks every millisecond whether the contestant has left anything in its store.
func untilDrained(ctx context.Context, sys interface {
	drained(context.Context) (bool, error)
}) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if drained, err := sys.drained(ctx); drained || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("jobs are left: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
