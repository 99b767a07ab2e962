// Command payments proves that a payment is charged once. Real producers enqueue every order three times, real workers
// charge them at a simulated gateway that fails, and does not answer one call in ten although it charged. Meanwhile
// workers are killed at random and replaced; in a second run beside it Redis is, too. In the end the gateway's ledger
// must hold each order once, every order's record must say paid with that charge, and nothing may be dead or left.
//
//	make payments
//	go run ./torture/payments -bin bin -for 10m -seed 42
//
// Exit status: 0 all held, 1 something did not, 2 the call was wrong.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

// options are the command's flags.
type options struct {
	long    time.Duration
	orders  int // of a phase
	workers int
	seed    uint64
	gap     time.Duration
	bin     string
	json    bool
}

const (
	producers   = 3
	leastOrders = 1000
	perSecond   = 125 // orders
)

func main() {
	logging.Disable() // go-redis would report each fault
	if text := os.Getenv(producerEnv); text != "" {
		os.Exit(producerMain(text))
	}
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
	reports, err := playAll(ctx, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "payments:", err)
		return 1
	}
	status := 0
	for _, r := range reports {
		if o.json {
			err = json.NewEncoder(stdout).Encode(r)
		} else {
			err = r.print(stdout)
		}
		if err != nil || !r.Held {
			status = 1
		}
	}
	return status
}

// playAll runs both phases at the same time, each with a Redis, a gateway and workers of its own: for the most part of
// it they wait for the locks of workers that were killed.
func playAll(ctx context.Context, o options, out io.Writer) ([]*report, error) {
	reports, errs := make([]*report, 2), make([]error, 2)
	var wg sync.WaitGroup
	for i, redisToo := range []bool{false, true} {
		wg.Go(func() { reports[i], errs[i] = play(ctx, o, redisToo, out) })
	}
	wg.Wait()
	return reports, errors.Join(errs...)
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	o := options{seed: rand.Uint64N(1_000_000)}
	beside := "bin"
	if path, err := os.Executable(); err == nil {
		beside = filepath.Dir(path)
	}
	flags := flag.NewFlagSet("payments", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.long, "for", 8*time.Second, "how `long` faults strike")
	flags.IntVar(&o.orders, "orders", 0, fmt.Sprintf("`orders` of a phase (default %d a second, at least %d)", perSecond,
		leastOrders))
	flags.IntVar(&o.workers, "workers", 8, "worker processes")
	flags.Uint64Var(&o.seed, "seed", o.seed, "what the faults are drawn from; a random one by default")
	flags.DurationVar(&o.gap, "gap", 250*time.Millisecond, "time between two kills, on average")
	flags.StringVar(&o.bin, "bin", beside, "`directory` of the program worker")
	flags.BoolVar(&o.json, "json", false, "print a JSON object for each phase")
	err := flags.Parse(args)
	if err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected %q", flags.Arg(0))
	case o.long < time.Second || o.gap < 10*time.Millisecond:
		err = errors.New("-for must be at least 1s and -gap at least 10ms")
	case o.orders < 0 || o.workers < 1:
		err = errors.New("-orders must not be negative and -workers must be positive")
	}
	if err != nil {
		fmt.Fprintln(stderr, "payments:", err)
	}
	if o.orders == 0 {
		o.orders = max(leastOrders, int(o.long.Seconds()*perSecond))
	}
	return o, err
}
