// Command hostile attacks a real gateway and a real monitor with every way that is known to take one down or to keep
// others out, all at once, beside honest callers. In the end neither has needed more memory than a small container has,
// neither has restarted, and the honest were answered in time: the bound is for a machine that has nothing else to do,
// and is as many times longer as the machine is slower in the same run, while nobody attacks.
//
//	make hostile
//	go run ./torture/hostile -bin bin -for 10m
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
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

// What must hold.
const (
	mostMemory = 256 << 20              // bytes that are resident, of each program, at the worst moment
	mostP99    = 500 * time.Millisecond // of honest requests, on a machine that has nothing else to do
)

type options struct {
	long time.Duration
	bin  string
	json bool
}

func main() {
	logging.Disable()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("hostile", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.long, "for", time.Minute, "how `LONG` to attack")
	flags.StringVar(&o.bin, "bin", "bin", "where the programs are")
	flags.BoolVar(&o.json, "json", false, "print the result as a line of JSON")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil, flags.NArg() > 0, o.long <= 0:
		return 2
	}
	r, err := attack(ctx, o)
	if err != nil {
		fmt.Fprintln(stderr, "hostile:", err)
		return 1
	}
	if o.json {
		err = json.NewEncoder(stdout).Encode(r)
	} else {
		err = r.print(stdout)
	}
	if err != nil || !r.Held {
		return 1
	}
	return 0
}

// A run has rounds, in each of which honest callers are alone for a while, and then everybody is there: how soon they
// are answered alone, and how much of the processors there is, shows how fast the machine is at that time.
const (
	rounds      = 3
	partSettles = 20 // of a round, one in so many
	partAlone   = 5
)

// attack starts the programs, has everybody at them for a while, and reports.
func attack(ctx context.Context, o options) (*report, error) {
	s, err := newStage(ctx, o.bin)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.long)
	defer cancel()
	var now atomic.Int64
	var all sync.WaitGroup
	for _, h := range s.honest {
		all.Go(func() { h.run(ctx, func() phase { return phase(now.Load()) }) })
	}
	assaults, round := s.attacks(), o.long/rounds
	for range rounds {
		pause(ctx, round/partSettles)
		s.shares = append(s.shares, share())
		now.Store(int64(alone))
		pause(ctx, round/partAlone)
		now.Store(int64(attacked))
		s.assail(ctx, assaults, round-round/partSettles-spinFor-round/partAlone)
		now.Store(int64(settling))
	}
	cancel()
	all.Wait()
	return s.report(), nil
}

// assail attacks in every way at once.
func (s *stage) assail(ctx context.Context, assaults []assault, long time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	var all sync.WaitGroup
	for _, a := range assaults {
		for range a.callers {
			all.Go(func() { a.run(ctx) })
		}
	}
	all.Wait()
}
