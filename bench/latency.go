package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// measureLatency enqueues one job at a time for a worker that is idle and blocked in its read, and takes the time from
// before the call until the handler starts.
func measureLatency(ctx context.Context, s *server, c contestant, size sizes) (map[string]float64, error) {
	producing, consuming := s.client(), s.client()
	defer producing.Close()
	defer consuming.Close()
	p, err := c.producer(producing)
	if err != nil {
		return nil, err
	}
	started := make(chan time.Time, 1)
	stop, err := c.consume(ctx, consuming, func() { started <- time.Now() })
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	waits, err := sampleLatency(ctx, p, started, size.samples)
	if err := errors.Join(err, p.close(), stop()); err != nil {
		return nil, err
	}
	return map[string]float64{"latency": quantile(waits, 0.5), "latency_p99": quantile(waits, 0.99)}, nil
}

// warmUp is how many jobs go ahead of the samples: they open connections and load scripts.
const warmUp = 20

func sampleLatency(ctx context.Context, p producer, started <-chan time.Time, samples int) ([]float64, error) {
	waits := make([]float64, 0, samples)
	for i := range warmUp + samples {
		// Long enough for the last job to be acknowledged and the reader to block again, and never in step with it.
		gap := 2*time.Millisecond + rand.N(4*time.Millisecond)
		select {
		case <-time.After(gap):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		before := time.Now()
		if err := p.enqueue(ctx); err != nil {
			return nil, err
		}
		select {
		case start := <-started:
			if i >= warmUp {
				waits = append(waits, micros(start.Sub(before)))
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return waits, nil
}
