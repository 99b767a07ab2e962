package main

import (
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestTopCommandsAWorker(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	worker, err := queue.NewWorker(rdb, queue.NewMux(), queue.WorkerConfig{
		Namespace: namespace, Name: "alice", Queues: map[string]queue.QueueConfig{"orders": {}, "events": {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	term := openTop(t, "--redis", redistest.Shared(t).URL(), "--namespace", namespace, "--interval", "100ms")
	term.press(t, "2")
	term.shows(t, "> alice#")
	term.press(t, "p")
	term.shows(t, "alice: command quiet sent")
	states := func(want inspect.WorkerState) bool {
		workers, err := newInspector(t, rdb, namespace).Workers(t.Context(), "orders")
		return err == nil && len(workers) == 1 && workers[0].State == want
	}
	until(t, "it is quiet", func() bool { return states(inspect.WorkerQuiet) })
	term.shows(t, "s  quiet ") // behind how long it is up, so that the key now wakes it
	term.press(t, "p")
	until(t, "it is awake", func() bool { return states(inspect.WorkerWorking) })
	term.press(t, "x")
	term.shows(t, "type stop to stop alice on ")
	term.press(t, "stop\r")
	select {
	case <-worker.Stopped():
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
	got := noted(t, rdb, namespace)
	for i, what := range []string{"worker.quiet alice: ", "worker.wake alice: ", "worker.stop alice: "} {
		if len(got) != 3 || !strings.HasPrefix(got[i], what) {
			t.Fatalf("the trail: %q", got)
		}
	}
	term.press(t, "q")
	term.ends(t)
}
