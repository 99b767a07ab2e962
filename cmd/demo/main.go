// Command demo shows the whole system at work: it finds or starts a Redis and runs the real programs against it, the
// producer simulating orders and events, a payment gateway that fails now and then, a worker that does it all, and the
// monitor to look at it.
//
// The Redis is $REDIS_URL, or a private redis-server or valkey-server from the PATH with its data in .data, or an
// embedded one that keeps nothing. Without -count it runs until it is stopped. With -count it processes that many
// orders, proves from Redis and the gateway's ledger that each was paid once and nothing is left over, and ends: exit
// status 0 if so, 1 if not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9/logging"
)

type options struct {
	count int
	json  bool
	addr  string // of the monitor
	bin   string // directory of the programs
	data  string // directory of the private Redis
}

func main() {
	logging.Disable() // go-redis would report that the server is not up yet
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	stopping, killing, release := signals()
	defer release()
	if err := play(stopping, killing, opts, openBackend, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&opts.count, "count", 0,
		"process this many `orders`, account for them, and end; 0 runs until stopped")
	flags.BoolVar(&opts.json, "json", false, "with -count, print the summary as one JSON object, and all else on stderr")
	flags.StringVar(&opts.addr, "addr", "127.0.0.1:8090", "`address` of the monitor; a free port is taken if it is in use")
	flags.StringVar(&opts.bin, "bin", beside(), "`directory` of producer, worker and monitor")
	flags.StringVar(&opts.data, "data", ".data", "`directory` of the private Redis' data")
	err := flags.Parse(args)
	if err == nil && (opts.count < 0 || flags.NArg() > 0 || opts.json && opts.count == 0) {
		err = errors.New("-count must not be negative, -json needs -count, and there are no arguments")
		fmt.Fprintln(stderr, "demo:", err)
	}
	return opts, err
}

// beside is where this program lies, and the others with it.
func beside() string {
	path, err := os.Executable()
	if err != nil {
		return "bin"
	}
	return filepath.Dir(path)
}

// play runs the demo on the Redis that open finds. What it started has ended when it returns.
func play(stopping, killing context.Context, opts options, open opener, stdout, stderr io.Writer) error {
	out := &console{w: stdout}
	if opts.json {
		out.w = stderr
	}
	backend, err := open(stopping, opts.data)
	if err != nil {
		return err
	}
	defer backend.stop()
	out.line("demo", backend.note)
	ctx, failed := context.WithCancelCause(stopping)
	defer failed(nil)
	s := &stage{opts: opts, url: backend.url, out: out, failed: failed}
	if opts.count == 0 {
		return errors.Join(s.show(ctx), s.close(killing))
	}
	total, err := s.process(ctx)
	if err := errors.Join(err, s.close(killing)); err != nil {
		return err
	}
	return total.write(stdout, opts.json)
}
