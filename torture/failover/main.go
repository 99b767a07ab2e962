// Command failover proves what becomes of jobs when Redis moves under them. It puts real deployments under load, three
// Sentinels with a master and its replicas and a cluster of three masters and three replicas, and step by step does to
// them what happens to Redis: planned and unplanned failovers, split brain, slots that move, nodes that are added and
// removed, full memory, clocks that step. A bare client of the Redis library adds entries beside the producers and is
// the yardstick. What was acknowledged, and what handlers did, is noted outside Redis and held against what is there in
// the end.
//
//	make failover
//	go run ./torture/failover -for 20m -json
//
// Exit status: 0 all held, 1 something did not, 2 the call was wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/navvy-go/navvy/internal/redistest"
)

// options are the command's flags.
type options struct {
	long time.Duration
	only string
	json bool
	keep bool
}

func main() {
	logging.Disable() // go-redis would report each failover
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute is the command; it returns the exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	r, err := playAll(ctx, o, stderr)
	if err == nil {
		err = r.print(stdout, o.json)
	}
	if err != nil {
		fmt.Fprintln(stderr, "failover:", err)
		return 1
	}
	if !r.Held {
		return 1
	}
	return 0
}

// deployment is that of -only, and steps the text that the names of its steps have.
func (o options) deployment() string { name, _, _ := strings.Cut(o.only, "/"); return name }
func (o options) steps() string      { _, text, _ := strings.Cut(o.only, "/"); return text }

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("failover", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.long, "for", 3*time.Minute, "begin rounds of all steps for so `long`; one takes 3 minutes")
	flags.StringVar(&o.only, "only", "",
		"one `deployment`, sentinel or cluster, or some of its steps by texts in their names: cluster/slot,node")
	flags.BoolVar(&o.json, "json", false, "print the report as one JSON object")
	flags.BoolVar(&o.keep, "keep", false, "keep the directory with the servers' logs")
	err := flags.Parse(args)
	if err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected %q", flags.Arg(0))
	case o.only != "" && o.deployment() != "sentinel" && o.deployment() != "cluster":
		err = fmt.Errorf("-only %q: must begin with sentinel or cluster", o.only)
	case o.long <= 0:
		err = errors.New("-for must be positive")
	}
	if err != nil {
		fmt.Fprintln(stderr, "failover:", err)
	}
	return o, err
}

// playAll runs rounds of both deployments, side by side: most of the time they wait.
func playAll(ctx context.Context, o options, out io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "navvy-failover-")
	if err != nil {
		return nil, err
	}
	r := &report{}
	if r.Server, err = version(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	for r.Rounds == 0 || time.Since(began)+time.Since(began)/time.Duration(r.Rounds) <= o.long {
		r.Rounds++
		if err := round(ctx, o, filepath.Join(dir, fmt.Sprintf("round%d", r.Rounds)), r, out); err != nil {
			return nil, fmt.Errorf("%w; see %s", err, dir)
		}
	}
	r.Took = time.Since(began)
	r.Held = len(r.Problems) == 0
	if o.keep || !r.Held {
		fmt.Fprintf(out, "failover: the servers' logs are in %s\n", dir)
		return r, nil
	}
	return r, os.RemoveAll(dir)
}

func round(ctx context.Context, o options, dir string, r *report, out io.Writer) error {
	deployments := []struct {
		name string
		play func(ctx context.Context, dir, only string, out io.Writer) ([]*row, *aside, error)
	}{{"sentinel", playSentinel}, {"cluster", playCluster}}
	rows, asides := make([][]*row, len(deployments)), make([]*aside, len(deployments))
	errs := make([]error, len(deployments))
	var wg sync.WaitGroup
	for i, deployment := range deployments {
		if o.only != "" && o.deployment() != deployment.name {
			continue
		}
		own := filepath.Join(dir, deployment.name)
		if err := os.MkdirAll(own, 0o700); err != nil {
			return err
		}
		wg.Go(func() { rows[i], asides[i], errs[i] = deployment.play(ctx, own, o.steps(), out) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, deployment := range deployments {
		if asides[i] != nil {
			r.take(deployment.name, rows[i], asides[i])
		}
	}
	return nil
}

// version is the first line that the server says of itself.
func version(ctx context.Context) (string, error) {
	binary, err := redistest.Binary()
	if err != nil {
		return "", err
	}
	text, err := exec.CommandContext(ctx, binary, "--version").Output()
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), " sha=")
	return line, err
}
