package queue

import (
	"testing"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A worker reads a command at each of its queues, and so may read an older one late.
func TestLateCommandsAreIgnored(t *testing.T) {
	t.Parallel()
	c := control{stop: make(chan struct{})}
	for _, step := range []struct {
		command string
		at      int64
		event   EventType
		quiet   bool
	}{
		{"", 0, "", false},
		{wire.CommandQuiet, 5, EventWorkerQuiet, true},
		{wire.CommandQuiet, 5, "", true}, // at the next heartbeat
		{wire.CommandQuiet, 6, "", true}, // by another queue
		{wire.CommandWake, 7, EventWorkerAwake, false},
		{wire.CommandQuiet, 6, "", false}, // late
		{"", 0, "", false},                // under a new name
		{wire.CommandStop, 8, EventWorkerStopping, false},
		{wire.CommandStop, 9, "", false},
		{"unheard-of", 10, "", false}, // of a later version
	} {
		if event := c.apply(step.command, step.at); event != step.event || c.quiet != step.quiet {
			t.Errorf("%s at %d: event %q, quiet %t; want %q, %t", step.command, step.at, event, c.quiet, step.event, step.quiet)
		}
	}
}
