// Command bench measures navvy beside the floor, a bare go-redis loop, and beside other job systems, in one run on
// private servers: the rounds take turns, so that all meet the same machine.
//
//	go run . -require 'drain>=0.70,enqueue>=0.70,cpu<=1.4,latency<=1.5'
//	go run . -peers all -measure all -sizes 100,1024,16384 -json run.json -svg plots
//	go run . -features
//	go run . -fleets
//	go run . -crash
//
// River needs PostgreSQL, BullMQ needs Node.js and npm. Where they are not there the report says so.
//
// With -features it measures what each feature of a job costs, beside a plain job in the same run: rates, Redis' CPU
// and its commands for each job, those of scripts included. With -fleets it measures what navvy's workers cost Redis
// while they have nothing to do, and with -crash how long the jobs of a worker that was killed wait for another.
//
// It measures $REDIS_SERVER, or the redis-server or valkey-server on the PATH. Exit status: 0 measured and every
// requirement met, 1 otherwise, 2 usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/redis/go-redis/v9/logging"
)

func main() {
	logging.Disable() // go-redis would report that the server is not up yet
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if ran, err := runAsVictim(ctx); ran {
		exit(err)
		return
	}
	exit(run(ctx, parse(), os.Stdout, os.Stderr))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, opts options, out, progress io.Writer) error {
	servers := &stores{}
	defer servers.stop()
	switch {
	case opts.features:
		return measureFeatures(ctx, servers, opts, out, progress)
	case opts.fleets:
		return measureFleets(ctx, servers, opts, out, progress)
	case opts.crash:
		return measureCrashes(ctx, servers, opts, out, progress)
	}
	rep, err := compare(ctx, servers, opts, progress)
	if err != nil {
		return err
	}
	if err := rep.write(opts, out); err != nil {
		return err
	}
	return opts.require.check(rep, "navvy")
}

// compare measures every contestant that is there, with each size of payload.
func compare(ctx context.Context, servers *stores, opts options, progress io.Writer) (*report, error) {
	rep := &report{
		Go: runtime.Version(), CPUs: runtime.NumCPU(), Callers: opts.callers, Slots: slots, Rounds: opts.rounds,
		Paced: opts.paced.Seconds(),
	}
	present, err := rep.admit(ctx, servers, opts.peers)
	if err != nil {
		return nil, err
	}
	for _, size := range opts.payloads {
		sized := opts
		sized.jobs = min(opts.jobs, mostBytes/size)
		all := samples{}
		for round := range opts.rounds {
			fmt.Fprintf(progress, "%d bytes, round %d of %d\n", size, round+1, opts.rounds)
			if err := play(ctx, servers, present, sized, newPayloads(size), round, all); err != nil {
				return nil, err
			}
		}
		rep.add(size, sized.jobs, all)
	}
	return rep, nil
}

// mostBytes bounds what the jobs of a measurement have together: with large ones there are fewer.
const mostBytes = 256 << 20

// admit looks which contestants can be measured here, and notes why others cannot.
func (r *report) admit(ctx context.Context, servers *stores, peers []contestant) (present []contestant, err error) {
	for _, c := range peers {
		server, err := c.present(ctx, servers)
		if errors.Is(err, errAbsent) {
			r.Absent = append(r.Absent, absentee{c.name, err.Error()})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("bench: %s: %w", c.name, err)
		}
		r.Contestants = append(r.Contestants, entrant{c.name, server, c.fewer, c.remark})
		present = append(present, c)
	}
	if len(present) == 0 {
		return nil, errors.New("bench: no contestant is there")
	}
	return present, nil
}

// present opens the contestant once, and returns what it keeps its jobs in.
func (c contestant) present(ctx context.Context, servers *stores) (string, error) {
	s, err := c.store(servers, ctx)
	if err != nil {
		return "", err
	}
	sys, err := c.open(ctx, s, newPayloads(leastSize))
	if err != nil {
		return "", err
	}
	version, err := s.version(ctx)
	return version, errors.Join(err, sys.close(ctx))
}

// play runs one round: each measurement on every contestant, who goes first changing from round to round.
func play(
	ctx context.Context, servers *stores, present []contestant, opts options, data *payloads, round int, all samples,
) error {
	totals := map[string]figures{}
	for _, m := range opts.measure {
		for i := range present {
			c := present[(i+round)%len(present)]
			s, err := c.store(servers, ctx)
			if err != nil {
				return err
			}
			t := &trial{contestant: c, sizes: opts.sizes, store: s, data: data}
			t.jobs = max(1, t.jobs/c.fewer)
			found, err := m.of(ctx, t)
			if err != nil {
				return err
			}
			all.add(c.name, found)
			totals[c.name] = merged(totals[c.name], found)
		}
	}
	for name, found := range totals {
		if found["enqueue_cpu"] > 0 && found["drain_cpu"] > 0 {
			all.add(name, figures{"cpu": found["enqueue_cpu"] + found["drain_cpu"]})
		}
	}
	return nil
}

func merged(to, from figures) figures {
	if to == nil {
		to = figures{}
	}
	maps.Copy(to, from)
	return to
}
