package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/internal/eventlog"
	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/cache"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "run jobs until stopped",
		Description: `A queue's weight is its share of the slots while all queues have jobs.

--raw binds a stream that other programs write with a bare XADD; entries that name no kind get the binding's. It may
be given several times; NAVVY_RAW takes several with ; between them. With --raw and without --queues the worker
serves the raw streams alone.

Payments are simulated unless --gateway says stripe; its key is taken from the environment variable STRIPE_API_KEY.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "queues", Value: defaultQueues, Usage: "`QUEUES` to serve, as NAME=WEIGHT,..."},
			&cli.StringSliceFlag{Name: "raw", Usage: "a stream that others write, as `STREAM,group=G,kind=K`"},
			&cli.IntFlag{Name: "concurrency", Usage: "jobs that run at the same time (default: 10 per CPU)"},
			&cli.DurationFlag{Name: "lease", Usage: "how long after a crash its jobs start elsewhere (default: 4s)"},
			&cli.DurationFlag{Name: "grace", Usage: "how long running jobs may go on after a stop; 0 for not (default: 25s)"},
			&cli.IntFlag{Name: "read-ahead", Usage: "jobs held beyond those that run; 0 adapts, -1 for none"},
			&cli.IntFlag{Name: "max-crashes", Usage: "crashes of its worker that make a job dead (default: 3)"},
			&cli.DurationFlag{Name: "keep-cancelled", Usage: "how long cancelled jobs are kept (default: 168h)"},
			&cli.DurationFlag{Name: "keep-dead", Usage: "how long dead jobs are kept (default: for ever)"},
			&cli.IntFlag{Name: "max-dead", Usage: "dead jobs of a queue that are kept, the newest (default: all)"},
			&cli.DurationFlag{Name: "unknown-for",
				Usage: "how long a job waits for a worker that has its kind; 0 for not (default: 1h)"},
			&cli.BoolFlag{Name: "periodic", Value: true,
				Usage: "declare the cron entries of the house's own jobs, of the queues served; see monitor cron"},
			&cli.BoolFlag{Name: "until-empty", Usage: "end when nothing is waiting, in flight, retrying or due"},
			ordersFlag(),
			debugJobsFlag(),
			&cli.StringSliceFlag{Name: "warm-hosts",
				Usage: "`HOST` whose pages cache.warm may fetch (may be repeated; default: none)"},
			command.ZoneFlag(),
			&cli.StringFlag{Name: "name", Usage: "what the worker's `NAME` begins with (default: host and process)"},
		}, gatewayFlags()...),
		Action: run,
	}
}

// run is a worker's process. One that is stopped while it starts has done what it was asked.
func run(c *cli.Context) error {
	err := work(c)
	asked := context.Cause(c.Context)
	if asked != nil && (errors.Is(err, asked) || errors.Is(err, c.Context.Err())) {
		return nil
	}
	return err
}

func work(c *cli.Context) error {
	if _, err := command.Arguments(c); err != nil {
		return err
	}
	log, err := command.Logger(c)
	if err != nil {
		return err
	}
	queues, err := boundQueues(c)
	if err != nil {
		return err
	}
	if err := refuseZeros(c); err != nil {
		return err
	}
	zone, err := command.Zone(c)
	if err != nil {
		return err
	}
	inspector, rdb, err := command.Inspector(c)
	if err != nil {
		return err
	}
	defer rdb.Close()
	orders, closeOrders, err := openOrders(c)
	if err != nil {
		return err
	}
	defer closeOrders()
	gateway, err := openGateway(c)
	if err != nil {
		return err
	}
	defer gateway.close()
	pages := cache.New(rdb, cache.Config{})
	defer pages.Close()
	worker, err := newWorker(c, jobs.Deps{
		Redis: rdb, Gateway: gateway, Orders: orders, Cache: pages, Warming: cache.JobsConfig{Hosts: c.StringSlice(
			"warm-hosts")}, Analytics: analytics.Config{Zone: zone},
	}, queues, log)
	if err != nil {
		return command.AsUsage(err)
	}
	names := slices.Sorted(maps.Keys(queues))
	log.Info().Strs("queues", names).Str("namespace", c.String("namespace")).Str("payments",
		gateway.says).Msg("worker starts")
	if c.Bool("until-empty") {
		err = runUntilEmpty(c.Context, worker, &drain{inspector: inspector, queues: names, log: log})
	} else {
		err = worker.Run(c.Context)
	}
	if err != nil {
		return err
	}
	log.Info().Msg("worker stopped")
	return nil
}

// refuseZeros refuses flags that are given as nothing: the packages below take that for their defaults.
func refuseZeros(c *cli.Context) error {
	for _, name := range []string{"concurrency", "lease", "max-crashes", "gateway-timeout", "name"} {
		if !c.IsSet(name) {
			continue
		}
		if text := fmt.Sprint(c.Value(name)); text == "0" || text == "0s" || text == "" {
			return command.Usage("--%s %q: must be more than that; leave it out for the default", name, text)
		}
	}
	if grace := c.Duration("grace"); grace < 0 {
		return command.Usage("--grace %s: must not be negative", grace)
	}
	return nil
}

// grace is how long running jobs may go on, as a worker's configuration has it: negative for not.
func grace(c *cli.Context) time.Duration {
	if c.IsSet("grace") && c.Duration("grace") == 0 {
		return -1
	}
	return c.Duration("grace")
}

func newWorker(
	c *cli.Context, deps jobs.Deps, queues map[string]queue.QueueConfig, log zerolog.Logger,
) (*queue.Worker, error) {
	return queue.NewWorker(deps.Redis, newMux(deps, c.Bool("debug-jobs")), queue.WorkerConfig{
		Namespace:   c.String("namespace"),
		Queues:      queues,
		Concurrency: c.Int("concurrency"),
		ReadAhead:   c.Int("read-ahead"),
		Lease:       c.Duration("lease"),
		Grace:       grace(c),
		MaxCrashes:  c.Int("max-crashes"),
		Name:        c.String("name"),
		Observer:    eventlog.New(log),
		Cron:        periodic(c, queues),

		KeepCancelled: c.Duration("keep-cancelled"),
		KeepDead:      c.Duration("keep-dead"),
		MaxDead:       c.Int("max-dead"),
	})
}

// periodic has every worker enqueue the jobs of cron entries, and declare those of the house.
func periodic(c *cli.Context, queues map[string]queue.QueueConfig) queue.CronConfig {
	config := queue.CronConfig{Parse: cron.Parse}
	if c.Bool("periodic") {
		config.Entries = jobs.Periodic(queues)
	}
	return config
}

// runUntilEmpty runs the worker until there is nothing left to do, or the program is stopped.
func runUntilEmpty(ctx context.Context, worker *queue.Worker, d *drain) error {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		d.wait(ctx)
		cancel()
	})
	err := worker.Run(ctx)
	cancel()
	watch.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
