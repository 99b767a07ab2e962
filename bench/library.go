package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// library is a contestant that is a package of Go, connected to its store.
type library interface {
	// enqueue adds the n-th job; many goroutines call it at once.
	enqueue(ctx context.Context, n int) error

	// fill adds jobs as fast as it can.
	fill(ctx context.Context, jobs int) error

	// consume starts a worker that calls handle, with the number of each job, until close.
	consume(ctx context.Context, handle func(n int)) error

	drained(ctx context.Context) (bool, error)
	close(ctx context.Context) error
}

// inProcess is a system that a library runs in this process.
type inProcess struct {
	library
	hasBulk bool
}

var _ system = inProcess{}

func (p inProcess) bulk() bool { return p.hasBulk }

func (p inProcess) enqueue(ctx context.Context, jobs, callers int, longest time.Duration) (int, error) {
	return enqueueAll(ctx, p.library.enqueue, jobs, callers, longest)
}

// enqueueAll has callers add jobs at once, each one at a time.
func enqueueAll(
	ctx context.Context, add func(context.Context, int) error, jobs, callers int, longest time.Duration,
) (int, error) {
	var taken, added atomic.Int64
	var first error
	var once sync.Once
	var running sync.WaitGroup
	end := time.Now().Add(longest)
	for range callers {
		running.Go(func() {
			for n := taken.Add(1) - 1; n < int64(jobs) && time.Now().Before(end); n = taken.Add(1) - 1 {
				if err := add(ctx, int(n)); err != nil {
					once.Do(func() { first = err })
					return
				}
				added.Add(1)
			}
		})
	}
	running.Wait()
	if first != nil {
		return 0, fmt.Errorf("a job was refused: %w", first)
	}
	return int(added.Load()), nil
}

func (p inProcess) drain(ctx context.Context, jobs int) error {
	var run atomic.Int64
	all := make(chan struct{})
	err := p.consume(ctx, func(int) {
		if run.Add(1) == int64(jobs) {
			close(all)
		}
	})
	if err != nil {
		return err
	}
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d of %d jobs were run: %w", run.Load(), jobs, ctx.Err())
	}
}

// warmUp is how many jobs go ahead of the samples: they open connections and load scripts. Slow contestants have fewer,
// so that the samples have most of the time.
const warmUp = 20

func (p inProcess) idle(ctx context.Context, samples int, longest time.Duration) ([]time.Duration, error) {
	started := make(chan time.Time, 1)
	if err := p.consume(ctx, func(int) { started <- time.Now() }); err != nil {
		return nil, err
	}
	waits := make([]time.Duration, 0, samples)
	begin := time.Now()
	for i := range warmUp + samples {
		// Long enough for the last job to be acknowledged and the reader to block again, and never in step with it.
		if err := pause(ctx, 2*time.Millisecond+rand.N(4*time.Millisecond)); err != nil {
			return nil, err
		}
		before := time.Now()
		if before.Sub(begin) > longest && len(waits) > 0 {
			break
		}
		if err := p.library.enqueue(ctx, i); err != nil {
			return nil, err
		}
		select {
		case start := <-started:
			if i >= warmUp || before.Sub(begin) > longest/4 {
				waits = append(waits, start.Sub(before))
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return waits, nil
}

// pacers is how many goroutines enqueue at a rate: while all of them wait for a slow call, jobs are late, and that
// counts as the jobs' latency.
const pacers = 256

func (p inProcess) paced(ctx context.Context, rate int, long time.Duration) ([]time.Duration, error) {
	pace := newPace(rate, long)
	if err := p.consume(ctx, pace.handled); err != nil {
		return nil, err
	}
	if _, err := p.enqueue(ctx, warmUp, 1, time.Minute); err != nil { // numbers that the pace does not count
		return nil, err
	}
	pace.begin()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var first error
	var once sync.Once
	for range pacers {
		running.Go(func() {
			if err := pace.enqueue(ctx, p.library.enqueue); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	running.Wait()
	if first != nil {
		return nil, first
	}
	return pace.await(ctx)
}

func (inProcess) usage(context.Context) (usage, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return usage{}, err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{
		cpu:         time.Duration(used.Utime.Nano() + used.Stime.Nano()),
		allocations: float64(memory.Mallocs),
		allocated:   float64(memory.TotalAlloc),
	}, nil
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errBehind = errors.New("bench: jobs fall behind")
