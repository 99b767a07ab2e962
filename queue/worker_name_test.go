package queue_test

import (
	"testing"

	"github.com/navvy-go/navvy/queue"
)

// Consumer names are made with # and ~: a worker whose own name had one could not be found by that name.
func TestNamesOfWorkersThatWouldBeAmbiguousAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for name, ok := range map[string]bool{
		"box-1": true, "box.1": true, "Box_1": true, "box~1": true, "bôx": true,
		"box#1": false, "#": false, "~box": false, "box 1": false, "box\n": false,
	} {
		w, err := queue.NewWorker(f.rdb, queue.NewMux(), queue.WorkerConfig{
			Name: name, Queues: map[string]queue.QueueConfig{"orders": {}},
		})
		if err == nil {
			f.must(w.Stop(t.Context()))
		}
		if (err == nil) != ok {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
