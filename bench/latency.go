package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measureLatency enqueues one job at a time for a worker that is idle and blocked in its read, and takes the time from
// before the call until the handler starts.
func measureLatency(ctx context.Context, t *trial) (found figures, err error) {
	err = t.with(ctx, func(sys system) error {
		waits, err := sys.idle(ctx, t.samples, longest)
		found = latencies("latency", waits)
		return err
	})
	return found, err
}

// measureLoad enqueues at each rate in an open loop. A contestant that falls behind is not asked for a higher rate.
func measureLoad(ctx context.Context, t *trial) (figures, error) {
	all := figures{}
	for _, rate := range t.rates {
		if err := t.store.empty(ctx); err != nil {
			return nil, err
		}
		err := t.with(ctx, func(sys system) error {
			waits, err := sys.paced(ctx, rate, t.paced)
			for name, wait := range latencies(loadMetric(rate), waits) {
				all[name] = wait
			}
			return err
		})
		if errors.Is(err, errBehind) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%d a second: %w", rate, err)
		}
	}
	return all, nil
}

func loadMetric(rate int) string { return fmt.Sprintf("latency_at_%d", rate) }

// latencies returns the median as the metric name, and of its tail what so many samples can show; in µs.
func latencies(name string, waits []time.Duration) figures {
	found := figures{}
	for _, q := range []struct {
		suffix string
		q      float64
		least  int
	}{{"", 0.5, 1}, {"_p99", 0.99, 100}, {"_p999", 0.999, 1000}} {
		if len(waits) >= q.least {
			found[name+q.suffix] = micros(quantile(waits, q.q))
		}
	}
	return found
}
