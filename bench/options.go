package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are what the flags ask for.
type options struct {
	sizes
	rounds   int
	payloads []int // bytes
	peers    []contestant
	measure  []measurement
	features bool
	fleets   bool
	crash    bool
	json     string // a file, "-" for standard output
	svg      string // a folder
	require  requirements
}

// defaults are what the flags begin with: navvy and the floor, as fast as it goes.
func defaults() options {
	opts := options{
		sizes:  sizes{jobs: 100_000, callers: 256, samples: 300, rates: loadRates, paced: 3 * time.Second},
		rounds: 5, payloads: []int{100},
	}
	opts.peers, _ = chosen(quick)
	opts.measure, _ = measured("enqueue,drain,latency,memory")
	return opts
}

func parse() options {
	opts := defaults()
	flag.IntVar(&opts.jobs, "jobs", opts.jobs, "jobs enqueued, drained and weighed in each round; of slow peers a tenth")
	flag.IntVar(&opts.callers, "callers", opts.callers, "goroutines that enqueue at once")
	flag.IntVar(&opts.samples, "samples", opts.samples, "samples of the idle latency in each round")
	flag.IntVar(&opts.rounds, "rounds", opts.rounds, "rounds")
	flag.DurationVar(&opts.paced, "paced", opts.paced, "how long load lasts at each rate")
	flag.Func("peers", "contestants, `LIST` or all: floor, floor+json, navvy, asynq, river, watermill, bullmq (default "+
		quick+")", func(text string) (err error) { opts.peers, err = chosen(text); return err })
	flag.Func("measure", "measurements, `LIST` or all: enqueue, callers, bulk, drain, latency, load, memory "+
		"(default enqueue,drain,latency,memory)",
		func(text string) (err error) { opts.measure, err = measured(text); return err })
	flag.Func("sizes", "bytes of a payload, `LIST` (default 100)",
		func(text string) (err error) { opts.payloads, err = bytesOf(text); return err })
	flag.StringVar(&opts.json, "json", "", "write the report as JSON to a `FILE`; - prints it in place of the table")
	flag.StringVar(&opts.svg, "svg", "", "write plots to a `FOLDER`")
	flag.BoolVar(&opts.features, "features", false, "measure what each feature of a job costs beside a plain job, instead")
	flag.BoolVar(&opts.fleets, "fleets", false, "measure what idle workers cost, instead")
	flag.BoolVar(&opts.crash, "crash", false, "measure how long jobs of a killed worker wait, instead; takes minutes")
	flag.Var(&opts.require, "require", "ratios to the floor that navvy must reach, e.g. `drain>=0.70,cpu<=1.4`")
	flag.Parse()
	if flag.NArg() > 0 || min(opts.jobs, opts.callers, opts.samples, opts.rounds) < 1 || opts.paced <= 0 {
		fmt.Fprintln(os.Stderr, "bench: takes no arguments, and every number must be at least 1")
		os.Exit(2)
	}
	return opts
}

// measured returns the measurements of a list of names, in the report's order.
func measured(names string) ([]measurement, error) {
	if names == "all" {
		return measurements, nil
	}
	wanted := strings.Split(names, ",")
	var found []measurement
	for _, m := range measurements {
		if slices.Contains(wanted, m.name) {
			found = append(found, m)
			wanted = slices.DeleteFunc(wanted, func(name string) bool { return name == m.name })
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("bench: no measurement %q", wanted[0])
	}
	return found, nil
}

func bytesOf(list string) (sizes []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		size, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		if size < leastSize {
			return nil, fmt.Errorf("bench: a payload has at least %d bytes", leastSize)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}
