// Command torture proves what package queue promises. It runs real worker processes on a real Redis, enqueues jobs of
// many kinds, and meanwhile kills, stops and replaces workers, kills and restarts Redis, cuts, slows and stalls
// connections, and more, at random from a seed. Whatever answers producers get and whatever handlers do is written to
// ledgers outside Redis. An operator meanwhile pauses and resumes queues, and cancels, buries, releases, requeues and
// hastens jobs. In the end every job is accounted for from the ledgers: none may be lost, none started twice while its
// first worker lived, none charged an attempt for a crash, no action of a person ignored, and the books of every queue
// must balance.
//
//	go run ./torture -for 10m -seed 42
//
// Exit status: 0 all held, 1 something did not (the seed and the history of the jobs concerned are printed), 2 the call
// was wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

// options are the command's flags.
type options struct {
	long    time.Duration
	seed    uint64
	workers int
	lease   time.Duration
	rate    int
	gap     time.Duration
	faults  []fault
	keep    bool
	json    bool
}

func main() {
	if text := os.Getenv(workerEnv); text != "" {
		os.Exit(workerMain(text))
	}
	logging.Disable() // go-redis would report each fault
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	report, err := torture(ctx, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "torture:", err)
		return 1
	}
	if err := report.print(stdout, o.json); err != nil {
		fmt.Fprintln(stderr, "torture:", err)
		return 1
	}
	if !report.Held || o.keep {
		report.explain(stderr)
	}
	if !report.Held {
		return 1
	}
	return 0
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	o := options{seed: rand.Uint64N(1_000_000)}
	var names []string
	for _, f := range faults {
		names = append(names, f.name)
	}
	chosen := ""
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.long, "for", time.Minute, "how `long` faults strike")
	flags.Uint64Var(&o.seed, "seed", o.seed, "what the jobs and faults are drawn from; a random one by default")
	flags.IntVar(&o.workers, "workers", 4, "worker processes")
	flags.DurationVar(&o.lease, "lease", time.Second, "the workers' lease")
	flags.IntVar(&o.rate, "rate", 300, "jobs enqueued in a second")
	flags.DurationVar(&o.gap, "gap", 700*time.Millisecond, "time between two faults, on average")
	flags.StringVar(&chosen, "faults", "",
		"`types` of faults, with commas between; none for none, all by default: "+strings.Join(names, ", "))
	flags.BoolVar(&o.keep, "keep", false, "keep the directory with the ledgers and Redis' data")
	flags.BoolVar(&o.json, "json", false, "print the report as one JSON object")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	err := error(nil)
	if o.faults, err = chooseFaults(chosen); err == nil {
		err = o.validate(flags.Args())
	}
	if err != nil {
		fmt.Fprintln(stderr, "torture:", err)
	}
	return o, err
}

func (o options) validate(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected %q", rest[0])
	case o.long < time.Second:
		return fmt.Errorf("-for %s: must be at least 1s", o.long)
	case o.workers < 1 || o.rate < 1 || o.rate > 100_000:
		return errors.New("-workers and -rate must be positive")
	case o.lease < 500*time.Millisecond:
		return fmt.Errorf("-lease %s: must be at least 500ms", o.lease)
	case o.gap < time.Millisecond:
		return fmt.Errorf("-gap %s: must be at least 1ms", o.gap)
	}
	return nil
}
