package queue

import "testing"

// A worker reads an order at each of its queues, and so may read an older one late.
func TestOrdersInTheirOrder(t *testing.T) {
	t.Parallel()
	o := control{stop: make(chan struct{})}
	for _, step := range []struct {
		order WorkerCommand
		at    int64
		news  EventType
		quiet bool
	}{
		{"", 0, "", false},
		{CommandQuiet, 5, EventWorkerQuiet, true},
		{CommandQuiet, 5, "", true}, // at the next beat
		{CommandQuiet, 6, "", true}, // by another queue
		{CommandWake, 7, EventWorkerAwake, false},
		{CommandQuiet, 6, "", false}, // late
		{"", 0, "", false},           // under a new name
		{CommandStop, 8, EventWorkerStopping, false},
		{CommandStop, 9, "", false},
		{"unheard-of", 10, "", false}, // of a later version
	} {
		if news := o.apply(step.order, step.at); news != step.news || o.quiet != step.quiet {
			t.Errorf("%s at %d: news %q, quiet %t; want %q, %t", step.order, step.at, news, o.quiet, step.news, step.quiet)
		}
	}
}
