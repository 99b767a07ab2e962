package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// measureDrain has one worker run a queue full of waiting jobs, from its start until the last job has left Redis.
func measureDrain(ctx context.Context, s *server, c contestant, size sizes) (map[string]float64, error) {
	rdb := s.client()
	defer rdb.Close()
	if err := c.fill(ctx, rdb, size.jobs); err != nil {
		return nil, err
	}
	var stop func() error
	took, cpu, err := timed(ctx, s, func() (err error) {
		stop, err = drainAll(ctx, s, c, rdb, size.jobs)
		return err
	})
	if stop != nil {
		err = errors.Join(err, stop())
	}
	if err != nil {
		return nil, err
	}
	jobs := float64(size.jobs)
	return map[string]float64{"drain": jobs / took.Seconds(), "drain_cpu": micros(cpu) / jobs}, nil
}

func drainAll(ctx context.Context, s *server, c contestant, rdb *redis.Client, jobs int) (func() error, error) {
	var run atomic.Int64
	all := make(chan struct{})
	stop, err := c.consume(ctx, rdb, func() {
		if run.Add(1) == int64(jobs) {
			close(all)
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-all:
		return stop, untilDrained(ctx, c, s.admin)
	case <-ctx.Done():
		return stop, fmt.Errorf("%d of %d jobs were run: %w", run.Load(), jobs, ctx.Err())
	}
}
