package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// measureEnqueue has many callers enqueue at once, each one job at a time, as the handlers of a web server do.
func measureEnqueue(ctx context.Context, s *server, c contestant, size sizes) (map[string]float64, error) {
	rdb := s.client()
	defer rdb.Close()
	p, err := c.producer(rdb)
	if err != nil {
		return nil, err
	}
	if err := p.enqueue(ctx); err != nil { // connects, registers the queue, loads scripts
		return nil, errors.Join(err, p.close())
	}
	took, cpu, err := timed(ctx, s, func() error { return enqueueAll(ctx, p, size) })
	if err := errors.Join(err, p.close()); err != nil {
		return nil, err
	}
	jobs := float64(size.jobs)
	return map[string]float64{"enqueue": jobs / took.Seconds(), "enqueue_cpu": micros(cpu) / jobs}, nil
}

func enqueueAll(ctx context.Context, p producer, size sizes) error {
	var left, failed atomic.Int64
	var first error
	var once sync.Once
	var callers sync.WaitGroup
	left.Store(int64(size.jobs))
	for range size.callers {
		callers.Go(func() {
			for left.Add(-1) >= 0 {
				if err := p.enqueue(ctx); err != nil {
					failed.Add(1)
					once.Do(func() { first = err })
				}
			}
		})
	}
	callers.Wait()
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d jobs were refused, the first with: %w", n, first)
	}
	return nil
}
