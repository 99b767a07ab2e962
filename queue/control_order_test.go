package queue

import "testing"

// A worker reads an order at each of its queues, and so may read an older one late.
func TestOrdersInTheirOrder(t *testing.T) {
	t.Parallel()
	o := obedience{stop: make(chan struct{})}
	for _, step := range []struct {
		order WorkerOrder
		at    int64
		news  EventType
		quiet bool
	}{
		{"", 0, "", false},
		{OrderQuiet, 5, EventWorkerQuiet, true},
		{OrderQuiet, 5, "", true}, // at the next beat
		{OrderQuiet, 6, "", true}, // by another queue
		{OrderWake, 7, EventWorkerAwake, false},
		{OrderQuiet, 6, "", false}, // late
		{"", 0, "", false},         // under a new name
		{OrderStop, 8, EventWorkerStopping, false},
		{OrderStop, 9, "", false},
		{"unheard-of", 10, "", false}, // of a later version
	} {
		if news := o.hear(step.order, step.at); news != step.news || o.quiet != step.quiet {
			t.Errorf("%s at %d: news %q, quiet %t; want %q, %t", step.order, step.at, news, o.quiet, step.news, step.quiet)
		}
	}
}
