package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// sizes is how much is measured in each round.
type sizes struct {
	jobs    int           // enqueued, drained and weighed
	callers int           // goroutines that enqueue at once
	samples int           // of the idle latency
	rates   []int         // jobs a second of the open loop
	paced   time.Duration // how long it lasts at each rate
}

// trial is one measurement of one contestant: an empty store, and the contestant connected to it.
type trial struct {
	contestant
	sizes
	store store
	data  *payloads
}

// figures are what a trial shows, by metric. A metric that a contestant does not have is missing.
type figures map[string]float64

// measurement measures one contestant.
type measurement struct {
	name string
	run  func(ctx context.Context, t *trial) (figures, error)
}

// measurements in the order in which a round takes them.
var measurements = []measurement{
	{"enqueue", measureEnqueue},
	{"callers", measureCallers},
	{"bulk", measureBulk},
	{"drain", measureDrain},
	{"latency", measureLatency},
	{"load", measureLoad},
	{"memory", measureMemory},
}

// deadline bounds one measurement: a contestant that loses a job must not hang the run.
const deadline = 2 * time.Minute

// longest bounds what is measured for its rate and not for its end.
const longest = 5 * time.Second

func (m measurement) of(ctx context.Context, t *trial) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := t.store.empty(ctx); err != nil {
		return nil, err
	}
	found, err := m.run(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("bench: %s of %s: %w", m.name, t.name, err)
	}
	return found, nil
}

// with opens the contestant for as long as work needs it.
func (t *trial) with(ctx context.Context, work func(system) error) error {
	sys, err := t.open(ctx, t.store, t.data)
	if err != nil {
		return err
	}
	return errors.Join(work(sys), sys.close(ctx))
}

// spent is what some work took.
type spent struct {
	time     time.Duration
	cpu      time.Duration // of the store
	commands float64       // of the store
	client   usage
}

// measure runs work and returns what it took.
func (t *trial) measure(ctx context.Context, sys system, work func() error) (spent, error) {
	before, err := t.read(ctx, sys)
	if err != nil {
		return spent{}, err
	}
	start := time.Now()
	if err := work(); err != nil {
		return spent{}, err
	}
	took := time.Since(start)
	after, err := t.read(ctx, sys)
	return spent{
		time: took, cpu: after.cpu - before.cpu, commands: after.commands - before.commands,
		client: usage{
			cpu:         after.client.cpu - before.client.cpu,
			allocations: after.client.allocations - before.client.allocations,
			allocated:   after.client.allocated - before.client.allocated,
		},
	}, err
}

func (t *trial) read(ctx context.Context, sys system) (now spent, err error) {
	if now.cpu, err = t.store.cpu(ctx); err != nil {
		return spent{}, err
	}
	if now.commands, err = t.store.commands(ctx); err != nil {
		return spent{}, err
	}
	now.client, err = sys.usage(ctx)
	return now, err
}

// perJob returns the rate as the metric name, and what each job cost, as name_cpu and the like. What is not counted is
// left out.
func (s spent) perJob(name string, jobs int) figures {
	n := float64(jobs)
	found := figures{name: n / s.time.Seconds()}
	for metric, cost := range map[string]float64{
		"_cpu":         micros(s.cpu),
		"_commands":    s.commands,
		"_client_cpu":  micros(s.client.cpu),
		"_allocations": s.client.allocations,
		"_allocated":   s.client.allocated,
	} {
		if cost > 0 {
			found[name+metric] = cost / n
		}
	}
	return found
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
