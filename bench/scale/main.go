// Command scale fills a private Redis with as many jobs as a bad week leaves, and measures what looking at them costs:
// every page of a real monitor, a dashboard left open, actions on many jobs, searches in large ones, and a worker that
// dies with many in its hands.
//
//	go run ./scale -monitor ../bin/monitor
//
// It fills $REDIS_SERVER, or the redis-server or valkey-server on the PATH. Exit status: 0 measured and every bound
// met, 1 otherwise, 2 usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/navvy-go/navvy/internal/redistest"
)

type options struct {
	scale   float64
	monitor string
	open    time.Duration
}

func main() {
	logging.Disable() // go-redis would report that the server is not up yet
	var opts options
	flag.Float64Var(&opts.scale, "scale", 1,
		"1 is 10 million waiting, 100,000 in flight, 1 million delayed and 1 million dead; memory about 3 GB")
	flag.StringVar(&opts.monitor, "monitor", "../bin/monitor", "the monitor's `program`")
	flag.DurationVar(&opts.open, "open", 20*time.Second, "how long each page is left open")
	flag.Parse()
	if flag.NArg() > 0 || opts.scale < 0.001 || opts.scale > 10 || opts.open < time.Second {
		fmt.Fprintln(os.Stderr, "scale: takes no arguments; -scale is from 0.001 to 10, -open a second or more")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opts, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, opts options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "navvy-scale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := redistest.Start(dir)
	if err != nil {
		return err
	}
	defer server.Kill()
	// The machine may be busy; a low number comes first. Where that is forbidden, more commands are kept waiting.
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, server.PID(), -10)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, ReadTimeout: time.Minute})
	defer rdb.Close()
	r := &report{out: out}
	filled, err := fillAll(ctx, rdb, server.Addr, opts.scale, out)
	if err != nil {
		return err
	}
	slow, err := probe{rdb}.floor(ctx, filled[0].key(""))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "this machine takes %.1f times as long as the one that the bounds were set on, %.1f in Redis\n\n",
		slow.took, slow.cpu)
	r.slow = slow
	watcher, err := startMonitor(opts.monitor, server.URL())
	if err != nil {
		return err
	}
	defer watcher.stop()
	t := &trial{rdb: rdb, address: server.Addr, probe: probe{rdb}, monitor: watcher, report: r, big: filled[0],
		open: opts.open}
	for _, part := range []func(context.Context) error{t.pages, t.watch, t.actions, t.payloads, t.reclaim} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	if r.missed != nil {
		return errors.New("scale: bounds missed:\n  " + strings.Join(r.missed, "\n  "))
	}
	fmt.Fprintln(out, "every bound was met")
	return nil
}

func fillAll(ctx context.Context, rdb *redis.Client, address string, scale float64, out io.Writer) ([]backlog, error) {
	began, all := time.Now(), backlogs(scale)
	for _, b := range all {
		if err := fill(ctx, rdb, address, b); err != nil {
			return nil, err
		}
	}
	if err := fillGuards(ctx, address, int(200_000*scale)); err != nil {
		return nil, err
	}
	memory := ""
	text, err := rdb.Info(ctx, "memory", "server").Result()
	for line := range strings.Lines(text) {
		for _, name := range []string{"used_memory_human:", "redis_version:", "valkey_version:"} {
			if strings.HasPrefix(line, name) {
				memory += " " + strings.TrimSpace(line)
			}
		}
	}
	for _, b := range all {
		fmt.Fprintf(out, "%s: %d waiting, %d in flight, %d delayed, %d retrying, %d dead\n",
			b.queue, b.waiting, b.inFlight, b.delayed, b.retrying, b.dead)
	}
	fmt.Fprintf(out, "filled in %.0f s:%s\n\n", time.Since(began).Seconds(), memory)
	return all, err
}
