package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// fleet is a number of workers that all serve the same queues.
type fleet struct {
	workers, queues int
}

// fleets in the order of the table.
var fleets = []fleet{{1, 1}, {1, 20}, {1, 200}, {10, 1}, {10, 20}, {50, 20}}

const (
	fleetSettles = 3 * time.Second // after which its workers have joined and their queues count as idle
	fleetRests   = 5 * time.Second // for as long as its cost is measured
)

func (f fleet) name() string { return fmt.Sprintf("%d × %d", f.workers, f.queues) }

// measureFleets measures what workers without jobs cost Redis.
func measureFleets(ctx context.Context, servers *stores, opts options, out, progress io.Writer) error {
	s, err := servers.needRedis(ctx)
	if err != nil {
		return err
	}
	all := samples{}
	for round := range opts.rounds {
		fmt.Fprintf(progress, "idle fleets, round %d of %d\n", round+1, opts.rounds)
		for _, f := range fleets {
			if err := s.empty(ctx); err != nil {
				return err
			}
			found, err := f.measure(ctx, s.(*redisServer))
			if err != nil {
				return fmt.Errorf("bench: fleet of %s: %w", f.name(), err)
			}
			all.add(f.name(), found)
		}
	}
	return writeFleets(out, all)
}

func (f fleet) measure(ctx context.Context, s *redisServer) (found figures, err error) {
	var workers []fleetWorker
	defer func() {
		for _, w := range workers {
			err = errors.Join(err, w.stop(ctx))
		}
	}()
	for range f.workers {
		w, err := startFleetWorker(ctx, s, f.queues)
		if err != nil {
			return nil, err
		}
		workers = append(workers, w)
	}
	if err := pause(ctx, fleetSettles); err != nil {
		return nil, err
	}
	return s.resting(ctx, fleetRests)
}

// resting returns what is asked of Redis while nobody works.
func (s *redisServer) resting(ctx context.Context, long time.Duration) (figures, error) {
	cpu, err := s.cpu(ctx)
	if err != nil {
		return nil, err
	}
	commands, err := s.commands(ctx)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := pause(ctx, long); err != nil {
		return nil, err
	}
	took := time.Since(start).Seconds()
	cpuAfter, cpuErr := s.cpu(ctx)
	commandsAfter, commandsErr := s.commands(ctx)
	connections, err := s.info(ctx, "clients", "connected_clients")
	return figures{
		"cpu":         100 * (cpuAfter - cpu).Seconds() / took,
		"commands":    (commandsAfter - commands) / took,
		"connections": connections - 1, // ours
	}, errors.Join(cpuErr, commandsErr, err)
}

type fleetWorker struct {
	rdb    *redis.Client
	worker *queue.Worker
}

func startFleetWorker(ctx context.Context, s *redisServer, queues int) (fleetWorker, error) {
	mux := queue.NewMux()
	queue.Handle(mux, func(context.Context, *queue.Job[noop]) error { return nil })
	cfg := queue.WorkerConfig{Queues: map[string]queue.QueueConfig{}}
	for n := range queues {
		cfg.Queues[fmt.Sprintf("bench-%d", n)] = queue.QueueConfig{}
	}
	w := fleetWorker{rdb: s.client()}
	worker, err := queue.NewWorker(w.rdb, mux, cfg)
	if err == nil {
		err = worker.Start(ctx)
	}
	if err != nil {
		return w, errors.Join(err, w.rdb.Close())
	}
	w.worker = worker
	return w, nil
}

func (w fleetWorker) stop(ctx context.Context) error {
	return errors.Join(w.worker.Stop(ctx), w.rdb.Close())
}

var fleetMetrics = []metric{
	{"cpu", "%", "Redis' CPU,"}, {"commands", "1/s", "commands, also in scripts,"},
	{"connections", "", "connections"},
}

func writeFleets(w io.Writer, s samples) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "workers × queues\t")
	for _, m := range fleetMetrics {
		fmt.Fprintf(table, "%s %s\tlowest–highest\t", m.label, m.unit)
	}
	fmt.Fprintln(table)
	for _, f := range fleets {
		fmt.Fprintf(table, "%s\t", f.name())
		for _, m := range fleetMetrics {
			x := summaryOf(s[m.name][f.name()])
			fmt.Fprintf(table, "%.1f\t%.1f–%.1f\t", x.Median, x.Lowest, x.Highest)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
