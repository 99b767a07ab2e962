package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func (f *fleet) worker(mux *queue.Mux) *queue.Worker {
	f.Helper()
	w, err := queue.NewWorker(f.rdb, mux, queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 2, Observer: f.events,
	})
	f.must(err)
	return w
}

func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.worker(muxOf("k", noop))
	f.must(w.Stop(t.Context()))
	receive(t, w.Stopped())
	if err := w.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "stopped before") {
		t.Errorf("got %v", err)
	}
	f.must(w.Stop(t.Context()))
	if n := f.rdb.Exists(t.Context(), f.stream(), f.workers()).Val(); n != 0 {
		t.Errorf("%d keys were written", n)
	}
}

func TestStopTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.worker(muxOf("k", noop))
	f.must(w.Start(t.Context()))
	if err := w.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "started twice") {
		t.Errorf("a second start: %v", err)
	}
	stopped := make(chan error, 2)
	for range 2 {
		go func() { stopped <- w.Stop(t.Context()) }()
	}
	f.must(receive(t, stopped))
	f.must(receive(t, stopped))
	f.must(w.Stop(t.Context()))
	if joined, left := len(f.events.of(queue.EventWorkerJoined)), len(f.events.of(queue.EventWorkerLeft)); joined != left {
		t.Errorf("joined %d times and left %d times", joined, left)
	}
}

// A program that is stopped while it starts leaves nothing behind.
func TestRunWithAContextThatIsOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	w := f.worker(muxOf("k", noop))
	ran := make(chan error, 1)
	go func() { ran <- w.Run(over) }()
	if err := receive(t, ran); err == nil {
		t.Error("it has started")
	}
	receive(t, w.Stopped())
	if n := f.rdb.Exists(t.Context(), f.stream(), f.workers()).Val(); n != 0 {
		t.Errorf("%d keys were written", n)
	}
}

func TestWorkerOfAnOlderVersionRefusesToStart(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	f.must(f.rdb.Set(t.Context(), f.namespace+":version", 99, 0).Err())
	w := f.worker(muxOf("k", noop))
	err := w.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "newer version") || !strings.Contains(err.Error(), "99") {
		t.Errorf("got %v", err)
	}
	if n := f.rdb.DBSize(t.Context()).Val(); n != 1 {
		t.Errorf("%d keys, want the version alone", n)
	}
	if v := f.rdb.Get(t.Context(), f.namespace+":version").Val(); v != "99" {
		t.Errorf("the version is now %s", v)
	}
}

// A worker that stops and waits for its last handler is still the caretaker: nobody else may be there to be it.
func TestStoppingWorkerStillPromotes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	w := f.start(muxOf("k", b.handle))
	f.enqueue("k", `{}`)
	receive(t, b.began)
	f.await(queue.EventCaretakerTaken, 1)
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		stopped <- w.Stop(ctx)
	}()
	f.eventually("the worker stops", func() bool {
		workers, err := f.inspect.Workers(t.Context(), "orders")
		f.must(err)
		return len(workers) == 1 && workers[0].State == inspect.WorkerStopping
	})
	f.enqueue("k", `{}`, queue.In(time.Millisecond))
	f.eventually("the delayed job is promoted", func() bool {
		info := f.info()
		return info.Delayed == 0 && info.Waiting == 1
	})
	if info := f.info(); info.InFlight != 1 {
		t.Errorf("%d in flight: the handler was not waited for", info.InFlight)
	}
	close(b.free)
	f.must(receive(t, stopped))
	if n := len(f.events.of(queue.EventStarted)); n != 1 {
		t.Errorf("a stopping worker has started %d jobs, want 1", n)
	}
}
