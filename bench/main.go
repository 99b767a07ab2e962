// Command bench measures navvy beside the floor, a bare go-redis loop, in one run on one private redis-server:
// the rounds take turns, so that both meet the same machine.
//
//	go run . -require 'drain>=0.70,enqueue>=0.70,cpu<=1.4,latency<=1.5'
//	go run . -features
//
// With -features it measures what each feature of a job costs, beside a plain job in the same run: rates, Redis' CPU
// and its commands for each job, those of scripts included.
//
// It measures $REDIS_SERVER, or the redis-server or valkey-server on the PATH. Exit status: 0 measured and every
// requirement met, 1 otherwise, 2 usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/redis/go-redis/v9/logging"
)

// contestants in the order of the report; the first is what the others are held against.
var contestants = []contestant{floor{}, navvy{}}

type options struct {
	sizes
	rounds   int
	features bool
	json     bool
	require  requirements
}

func main() {
	logging.Disable() // go-redis would report that the server is not up yet
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts := parse()
	if err := run(ctx, opts, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse() options {
	var opts options
	flag.IntVar(&opts.jobs, "jobs", 100_000, "jobs enqueued, drained and weighed in each round")
	flag.IntVar(&opts.callers, "callers", 256, "goroutines that enqueue at once")
	flag.IntVar(&opts.samples, "samples", 300, "samples of the idle latency in each round")
	flag.IntVar(&opts.rounds, "rounds", 5, "rounds")
	flag.BoolVar(&opts.json, "json", false, "print one JSON object instead of a table")
	flag.BoolVar(&opts.features, "features", false, "measure what each feature of a job costs beside a plain job, instead")
	flag.Var(&opts.require, "require", "ratios to the floor that navvy must reach, e.g. `drain>=0.70,cpu<=1.4`")
	flag.Parse()
	if flag.NArg() > 0 || min(opts.jobs, opts.callers, opts.samples, opts.rounds) < 1 {
		fmt.Fprintln(os.Stderr, "bench: takes no arguments, and every number must be at least 1")
		os.Exit(2)
	}
	return opts
}

func run(ctx context.Context, opts options, out, progress io.Writer) error {
	s, err := startServer()
	if err != nil {
		return err
	}
	defer s.stop()
	if opts.features {
		return measureFeatures(ctx, s, opts, out, progress)
	}
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	rep := &report{
		Server: version, Go: runtime.Version(), CPUs: runtime.NumCPU(), PayloadBytes: len(payload),
		Jobs: opts.jobs, Callers: opts.callers, Slots: slots, Rounds: opts.rounds,
	}
	for _, c := range contestants {
		rep.Contestants = append(rep.Contestants, c.name())
	}
	all := samples{}
	for round := range opts.rounds {
		fmt.Fprintf(progress, "round %d of %d\n", round+1, opts.rounds)
		if err := play(ctx, s, opts.sizes, round, all); err != nil {
			return err
		}
	}
	rep.fill(all)
	write := rep.writeTable
	if opts.json {
		write = rep.writeJSON
	}
	if err := write(out); err != nil {
		return err
	}
	return opts.require.check(rep, navvy{}.name())
}

// play runs one round: each measurement on every contestant, who goes first changing from round to round.
func play(ctx context.Context, s *server, size sizes, round int, all samples) error {
	totals := map[string]float64{}
	for _, m := range measurements {
		for i := range contestants {
			c := contestants[(i+round)%len(contestants)]
			figures, err := m.of(ctx, s, c, size)
			if err != nil {
				return err
			}
			all.add(c.name(), figures)
			totals[c.name()] += figures["enqueue_cpu"] + figures["drain_cpu"]
		}
	}
	for name, cpu := range totals {
		all.add(name, map[string]float64{"cpu": cpu})
	}
	return nil
}
