package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/testserver"
)

// screen is a console's writer that tests read.
type screen struct{ testserver.Output }

// await waits until the screen shows text.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shown := func() (bool, error) { return strings.Contains(s.String(), text), nil }
	if err := poll(ctx, 10*time.Millisecond, shown); err != nil {
		t.Fatalf("%q did not appear in:\n%s", text, s)
	}
}

func shell(script string) *exec.Cmd { return exec.Command("/bin/sh", "-c", script) }

func TestProcessStops(t *testing.T) {
	t.Parallel()
	var out screen
	p, err := start(&console{w: &out}, "polite",
		shell(`trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done`), nil)
	if err != nil {
		t.Fatal(err)
	}
	out.await(t, "polite   | ready")
	if err := p.stop(t.Context()); err != nil {
		t.Error(err)
	}
	if p.lastLine() != "bye" || !strings.Contains(out.String(), "polite   | bye") {
		t.Errorf("last line %q of %q", p.lastLine(), out.String())
	}
	if err := p.stop(t.Context()); err != nil {
		t.Error("stopped twice:", err)
	}
}

func TestProcessIsKilled(t *testing.T) {
	t.Parallel()
	var out screen
	p, err := start(&console{w: &out}, "deaf", shell(`trap '' TERM; echo ready; read -r _ <&- ; while :; do :; done`), nil)
	if err != nil {
		t.Fatal(err)
	}
	out.await(t, "ready")
	killing, kill := context.WithCancel(t.Context())
	kill()
	if err := p.stop(killing); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("stop: %v, want killed", err)
	}
}

func TestProcessTellsItsEnd(t *testing.T) {
	t.Parallel()
	ended := make(chan *process, 1)
	p, err := start(&console{w: &screen{}}, "short", shell("echo one; exit 3"), func(p *process) { ended <- p })
	if err != nil {
		t.Fatal(err)
	}
	if got := <-ended; got != p || p.err == nil || p.cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("ended with %v", p.err)
	}
}

func TestProcessNotFound(t *testing.T) {
	t.Parallel()
	if _, err := start(&console{w: &screen{}}, "none", exec.Command("/nonexistent/program"), nil); err == nil {
		t.Error("started a program that is not there")
	}
}

// TestProcessStopsBeforeItIsReady checks that a program which has no handler for SIGTERM yet has not failed.
func TestProcessStopsBeforeItIsReady(t *testing.T) {
	t.Parallel()
	p, err := start(&console{w: &screen{}}, "young", exec.Command("sleep", "60"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(t.Context()); err != nil {
		t.Error(err)
	}
}
