package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// feature is something that a job may have beyond the plain one, and that costs Redis more.
type feature struct {
	name    string
	options func(n int) []queue.EnqueueOption
	handle  []queue.HandleOption
	fails   bool // each job fails once
}

// features in the order of the table; the first is what the others are held against.
var features = []feature{
	{name: "plain"},
	{name: "Retain", handle: []queue.HandleOption{queue.Retain(time.Hour)}},
	{name: "fails once", handle: []queue.HandleOption{queue.Backoff(time.Millisecond, time.Millisecond)}, fails: true},
	{name: "ID", options: func(n int) []queue.EnqueueOption {
		return []queue.EnqueueOption{queue.ID("order-" + strconv.Itoa(n))}
	}},
	{name: "Unique", options: func(n int) []queue.EnqueueOption {
		return []queue.EnqueueOption{queue.Unique("order-"+strconv.Itoa(n), time.Hour)}
	}},
	{name: "delayed", options: func(int) []queue.EnqueueOption {
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
func measureFeatures(ctx context.Context, servers *stores, opts options, out, progress io.Writer) error {
	s, err := servers.needRedis(ctx)
	if err != nil {
		return err
	}
	all := samples{}
	for round := range opts.rounds {
		fmt.Fprintf(progress, "features, round %d of %d\n", round+1, opts.rounds)
		for i := range features {
			f := &features[(i+round)%len(features)]
			t := &trial{contestant: contestant{name: f.name}, sizes: opts.sizes, store: s, data: newPayloads(opts.payloads[0])}
			t.open = f.open
			found, err := measurement{"feature", measureFeature}.of(ctx, t)
			if err != nil {
				return err
			}
			all.add(f.name, found)
		}
	}
	return writeFeatures(out, all)
}

// measureFeature has many callers enqueue, and then a worker run, jobs with the feature.
func measureFeature(ctx context.Context, t *trial) (figures, error) {
	all := figures{}
	err := t.with(ctx, func(sys system) error {
		took, err := t.measure(ctx, sys, func() error {
			_, err := sys.enqueue(ctx, t.jobs, t.callers, deadline)
			return err
		})
		if err != nil {
			return err
		}
		maps.Copy(all, took.perJob("enqueue", t.jobs))
		took, err = t.measure(ctx, sys, func() error {
			if err := sys.drain(ctx, t.jobs); err != nil {
				return err
			}
			return untilDrained(ctx, sys)
		})
		maps.Copy(all, took.perJob("drain", t.jobs))
		all["cpu"] = all["enqueue_cpu"] + all["drain_cpu"]
		return err
	})
	return all, err
}

// featured is navvy with a feature in each of its jobs.
type featured struct {
	*navvy
	*feature
}

func (f *feature) open(ctx context.Context, s store, data *payloads) (system, error) {
	n, err := startNavvy(s, data)
	return inProcess{library: &featured{n, f}, hasBulk: true}, err
}

func (f *featured) enqueue(ctx context.Context, number int) error {
	opts := []queue.EnqueueOption{queue.On(navvyQueue)}
	if f.options != nil {
		opts = append(opts, f.options(number)...)
	}
	_, err := f.client.Enqueue(ctx, f.data.args(number), opts...)
	return err
}

// consume runs all jobs; one that is to fail does so in its first attempt.
func (f *featured) consume(ctx context.Context, handle func(n int)) error {
	mux := queue.NewMux()
	queue.Handle(mux, func(_ context.Context, job *queue.Job[noop]) error {
		if f.fails && job.Attempt == 1 {
			return errors.New("bench: the first attempt fails")
		}
		handle(job.Args.number())
		return nil
	}, f.handle...)
	return f.start(ctx, mux)
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
			values, plain := s[m.name][f.name], s[m.name][features[0].name]
			fmt.Fprintf(table, "%s\t%.2f\t", figure(quantile(values, 0.5)), quantile(ratios(values, plain), 0.5))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
