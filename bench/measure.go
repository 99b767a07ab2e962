package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// sizes is how much is measured in each round.
type sizes struct {
	jobs    int // enqueued, drained and weighed
	callers int // goroutines that enqueue at once
	samples int // of the idle latency
}

// measurement measures one contestant on an empty Redis and returns its figures by metric.
type measurement struct {
	name string
	run  func(ctx context.Context, s *server, c contestant, size sizes) (map[string]float64, error)
}

// measurements in the order in which a round takes them.
var measurements = []measurement{
	{"enqueue", measureEnqueue},
	{"drain", measureDrain},
	{"latency", measureLatency},
	{"memory", measureMemory},
}

// deadline bounds one measurement: a contestant that loses a job must not hang the run.
const deadline = 2 * time.Minute

func (m measurement) of(ctx context.Context, s *server, c contestant, size sizes) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := s.empty(ctx); err != nil {
		return nil, err
	}
	figures, err := m.run(ctx, s, c, size)
	if err != nil {
		return nil, fmt.Errorf("bench: %s of %s: %w", m.name, c.name(), err)
	}
	return figures, nil
}

// timed runs work and returns how long it took, and how much of the processor Redis needed for it.
func timed(ctx context.Context, s *server, work func() error) (took, cpu time.Duration, err error) {
	before, err := s.cpu(ctx)
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := work(); err != nil {
		return 0, 0, err
	}
	took = time.Since(start)
	after, err := s.cpu(ctx)
	return took, after - before, err
}

// untilDrained looks every millisecond whether the contestant has left anything in Redis.
func untilDrained(ctx context.Context, c contestant, rdb *redis.Client) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if drained, err := c.drained(ctx, rdb); drained || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("jobs are left in Redis: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
