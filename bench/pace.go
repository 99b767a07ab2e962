package main

import (
	"context"
	"sync/atomic"
	"time"
)

// behind is how late a job may start before the contestant counts as one that cannot keep up.
const behind = time.Second

// pace is an open loop: when each job is to be enqueued is fixed before, and is what its latency counts from. A slow
// system does not slow the load that it is measured with, so that no wait is left out.
type pace struct {
	every   time.Duration
	start   time.Time
	taken   atomic.Int64
	left    atomic.Int64
	started []atomic.Int64 // ns after start, by number
	begun   chan struct{}  // start is set
	late    chan struct{}  // a job was late
	all     chan struct{}  // all have started
}

// firstPaced is the number of the first job: those before warm up.
const firstPaced = 1000

func newPace(rate int, long time.Duration) *pace {
	jobs := max(1, int(float64(rate)*long.Seconds()))
	p := &pace{
		every: time.Second / time.Duration(rate), started: make([]atomic.Int64, jobs),
		begun: make(chan struct{}), late: make(chan struct{}, 1), all: make(chan struct{}),
	}
	p.left.Store(int64(jobs))
	return p
}

func (p *pace) begin() {
	p.start = time.Now()
	close(p.begun)
}

// due is when the n-th job is to be enqueued.
func (p *pace) due(n int) time.Time { return p.start.Add(time.Duration(n) * p.every) }

// enqueue is the loop of one of many callers: it takes the next job, waits until it is due, and adds it.
func (p *pace) enqueue(ctx context.Context, add func(context.Context, int) error) error {
	for {
		n := int(p.taken.Add(1)) - 1
		if n >= len(p.started) {
			return nil
		}
		wait := time.Until(p.due(n))
		if wait < -behind {
			return errBehind
		}
		if wait > 0 {
			if err := pause(ctx, wait); err != nil {
				return err
			}
		}
		if err := add(ctx, firstPaced+n); err != nil {
			return err
		}
	}
}

// handled takes note of the start of a job.
func (p *pace) handled(number int) {
	n := number - firstPaced
	if n < 0 || n >= len(p.started) {
		return
	}
	<-p.begun
	at := time.Since(p.start)
	if !p.started[n].CompareAndSwap(0, int64(max(at, 1))) {
		return
	}
	if at-time.Duration(n)*p.every > behind {
		select {
		case p.late <- struct{}{}:
		default:
		}
	}
	if p.left.Add(-1) == 0 {
		close(p.all)
	}
}

// await returns the latencies once all jobs have started.
func (p *pace) await(ctx context.Context) ([]time.Duration, error) {
	select {
	case <-p.all:
	case <-p.late:
		return nil, errBehind
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Until(p.due(len(p.started))) + behind):
		return nil, errBehind
	}
	waits := make([]time.Duration, len(p.started))
	for n := range waits {
		waits[n] = time.Duration(p.started[n].Load()) - time.Duration(n)*p.every
	}
	return waits, nil
}
