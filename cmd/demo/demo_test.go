package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
)

// programs builds the real programs once, into a directory that lives as long as the tests.
var programs = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(buildDir, "bin")
	output, err := exec.Command("go", "build", "-o", dir+"/", "../producer", "../worker", "../monitor").CombinedOutput()
	if err != nil {
		return string(output), err
	}
	return dir, nil
})

func onFreePort(t *testing.T) options {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, dir)
	}
	return options{bin: dir, addr: "127.0.0.1:0", data: t.TempDir()}
}

// TestCount plays the whole demo on each kind of Redis: the real programs process orders and the summary adds up.
func TestCount(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(context.Context, string) (*backend, error){
		"embedded": func(context.Context, string) (*backend, error) { return startEmbedded() },
		"private": func(ctx context.Context, data string) (*backend, error) {
			binary, err := redistest.Binary()
			if err != nil {
				return nil, err
			}
			return startPrivate(ctx, binary, data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := onFreePort(t)
			opts.count, opts.json = 20, true
			var stdout, stderr screen
			err := play(t.Context(), t.Context(), opts, open, &stdout, &stderr)
			if err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			var got summary
			if err := json.Unmarshal([]byte(stdout.String()), &got); err != nil {
				t.Fatalf("%v in %q", err, stdout.String())
			}
			if got.Paid != 20 || got.Charged != 20 || got.Doubles != 0 || got.Enqueued["orders"] != 20 ||
				got.Done != got.enqueued() || got.Dead != 0 {
				t.Errorf("summary %+v", got)
			}
		})
	}
}

// TestShow lets the demo run until it is stopped: everything that it started ends in order, without an error.
func TestShow(t *testing.T) {
	t.Parallel()
	stopping, stop := context.WithCancel(t.Context())
	defer stop()
	var out screen
	ended := make(chan error, 1)
	opts := onFreePort(t)
	open := func(context.Context, string) (*backend, error) { return startEmbedded() }
	go func() { ended <- play(stopping, t.Context(), opts, open, &out, &out) }()
	out.await(t, "monitor at http://127.0.0.1:")
	out.await(t, "press Ctrl-C to stop")
	out.await(t, " done, ") // the producer is at work
	stop()
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestShowFails checks that a program which ends by itself ends the demo, with its name.
func TestShowFails(t *testing.T) {
	t.Parallel()
	opts := onFreePort(t)
	open := func(context.Context, string) (*backend, error) {
		return &backend{url: "redis://127.0.0.1:1/0", stop: func() {}}, nil
	}
	var out screen
	err := play(t.Context(), t.Context(), opts, open, &out, &out)
	if err == nil || !strings.Contains(err.Error(), "ended by itself: exit status 1") {
		t.Errorf("demo without a redis: %v\n%s", err, &out)
	}
}
