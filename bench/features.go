package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// feature is something that a job may have beyond the plain one, and that costs Redis more.
type feature struct {
	name    string
	enqueue func(n int) []queue.EnqueueOption
	handle  []queue.HandleOption
	fails   bool // each job fails once
}

// features in the order of the table; the first is what the others are held against.
var features = []feature{
	{name: "plain"},
	{name: "Retain", handle: []queue.HandleOption{queue.Retain(time.Hour)}},
	{name: "fails once", handle: []queue.HandleOption{queue.Backoff(time.Millisecond, time.Millisecond)}, fails: true},
	{name: "ID", enqueue: func(n int) []queue.EnqueueOption {
		return []queue.EnqueueOption{queue.ID("order-" + strconv.Itoa(n))}
	}},
	{name: "Unique", enqueue: func(n int) []queue.EnqueueOption {
		return []queue.EnqueueOption{queue.Unique("order-"+strconv.Itoa(n), time.Hour)}
	}},
	{name: "delayed", enqueue: func(int) []queue.EnqueueOption {
		return []queue.EnqueueOption{queue.In(time.Millisecond)}
	}},
}

// featureMetrics are the columns of the table.
var featureMetrics = []metric{
	{"enqueue", "jobs/s", "enqueue"}, {"enqueue_cpu", "µs", "Redis"}, {"enqueue_commands", "", "commands"},
	{"drain", "jobs/s", "drain"}, {"drain_cpu", "µs", "Redis"}, {"drain_commands", "", "commands"},
	{"cpu", "µs", "Redis end to end"},
}

// measureFeatures measures each feature beside the plain job, and writes the medians with their ratios.
func measureFeatures(ctx context.Context, s *server, opts options, out, progress io.Writer) error {
	all := samples{}
	for round := range opts.rounds {
		fmt.Fprintf(progress, "features, round %d of %d\n", round+1, opts.rounds)
		for i := range features {
			f := &features[(i+round)%len(features)]
			figures, err := f.measure(ctx, s, opts.sizes)
			if err != nil {
				return fmt.Errorf("bench: %s: %w", f.name, err)
			}
			all.add(f.name, figures)
		}
	}
	return writeFeatures(out, all)
}

// measure has many callers enqueue, and then a worker run, jobs with the feature.
func (f *feature) measure(ctx context.Context, s *server, size sizes) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := s.empty(ctx); err != nil {
		return nil, err
	}
	rdb := s.client()
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		return nil, err
	}
	figures := map[string]float64{}
	p := &featureProducer{client: client, feature: f}
	enqueued, err := f.timed(ctx, s, size.jobs, func() error { return enqueueAll(ctx, p, size) })
	if err := errors.Join(err, client.Close()); err != nil {
		return nil, err
	}
	var worker *queue.Worker
	drained, err := f.timed(ctx, s, size.jobs, func() (err error) {
		worker, err = f.drain(ctx, s, rdb, size.jobs)
		return err
	})
	if worker != nil {
		err = errors.Join(err, worker.Stop(ctx))
	}
	for name, figure := range enqueued {
		figures["enqueue"+name] = figure
	}
	for name, figure := range drained {
		figures["drain"+name] = figure
	}
	figures["cpu"] = enqueued["_cpu"] + drained["_cpu"]
	return figures, err
}

// timed returns the rate, and what each job cost Redis.
func (*feature) timed(ctx context.Context, s *server, jobs int, work func() error) (map[string]float64, error) {
	before, err := s.info(ctx, "stats", "total_commands_processed")
	if err != nil {
		return nil, err
	}
	took, cpu, err := timed(ctx, s, work)
	if err != nil {
		return nil, err
	}
	after, err := s.info(ctx, "stats", "total_commands_processed")
	n := float64(jobs)
	return map[string]float64{"": n / took.Seconds(), "_cpu": micros(cpu) / n, "_commands": (after - before) / n}, err
}

type featureProducer struct {
	client  *queue.Client
	feature *feature
	n       atomic.Int64
}

func (p *featureProducer) enqueue(ctx context.Context) error {
	opts := []queue.EnqueueOption{queue.On(navvyQueue)}
	if p.feature.enqueue != nil {
		opts = append(opts, p.feature.enqueue(int(p.n.Add(1)))...)
	}
	_, err := p.client.Enqueue(ctx, queue.JSON(noop{}.Kind(), payload), opts...)
	return err
}

func (p *featureProducer) close() error { return nil }

// drain runs all jobs, until the last has left Redis.
func (f *feature) drain(ctx context.Context, s *server, rdb *redis.Client, jobs int) (*queue.Worker, error) {
	var left atomic.Int64
	left.Store(int64(jobs))
	all := make(chan struct{})
	mux := queue.NewMux()
	mux.HandleKind(noop{}.Kind(), func(_ context.Context, run *queue.Run) error {
		if f.fails && run.Attempt == 1 {
			return errors.New("bench: the first attempt fails")
		}
		if left.Add(-1) == 0 {
			close(all)
		}
		return nil
	}, f.handle...)
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{navvyQueue: {}}, Concurrency: slots,
	})
	if err != nil {
		return nil, err
	}
	if err := worker.Start(ctx); err != nil {
		return nil, err
	}
	select {
	case <-all:
		return worker, untilDrained(ctx, navvy{}, s.admin)
	case <-ctx.Done():
		return worker, fmt.Errorf("%d jobs were not run: %w", left.Load(), ctx.Err())
	}
}

// writeFeatures writes a row for each feature: medians, and behind each its ratio to the plain job's.
func writeFeatures(w io.Writer, s samples) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\t")
	for _, m := range featureMetrics {
		fmt.Fprintf(table, "%s\tratio\t", m.label)
	}
	fmt.Fprintln(table)
	for _, f := range features {
		fmt.Fprintf(table, "%s\t", f.name)
		for _, m := range featureMetrics {
			figures, plain := s[m.name][f.name], s[m.name][features[0].name]
			fmt.Fprintf(table, "%s\t%.2f\t", figure(quantile(figures, 0.5)), ratioOf(figures, plain).Median)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
