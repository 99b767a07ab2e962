// Package jobtest runs jobs in tests as they run in a fleet: through a client, a real Redis and a worker.
package jobtest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// Fleet is a client, an inspector and a worker on a namespace of their own. The worker records what happens.
type Fleet struct {
	Client    *queue.Client
	Inspector *inspect.Inspector

	mu     sync.Mutex
	events []queue.Event
}

// Start runs a worker of the mux on the default queue, and on those given, until the test ends.
func Start(t *testing.T, rdb redis.UniversalClient, mux *queue.Mux, queues map[string]queue.QueueConfig) *Fleet {
	t.Helper()
	namespace, f := redistest.Namespace(), &Fleet{}
	cfg := queue.WorkerConfig{Namespace: namespace, Queues: map[string]queue.QueueConfig{queue.DefaultQueue: {}}}
	for name, q := range queues {
		cfg.Queues[name] = q
	}
	cfg.Observer = queue.ObserverFunc(f.observe)
	worker, err := queue.NewWorker(rdb, mux, cfg)
	must(t, err)
	f.Client, err = queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	must(t, err)
	f.Inspector, err = inspect.New(rdb, inspect.Config{Namespace: namespace})
	must(t, err)
	must(t, worker.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := worker.Stop(ctx); err != nil {
			t.Errorf("stop the worker: %v", err)
		}
		if err := f.Client.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return f
}

// Enqueue enqueues a job and returns its ID.
func (f *Fleet) Enqueue(t *testing.T, args queue.Args, opts ...queue.EnqueueOption) string {
	t.Helper()
	job, err := f.Client.Enqueue(t.Context(), args, opts...)
	must(t, err)
	return job.ID
}

// Run enqueues a job and returns the event that ended it: done or dead.
func (f *Fleet) Run(t *testing.T, args queue.Args, opts ...queue.EnqueueOption) queue.Event {
	t.Helper()
	id := f.Enqueue(t, args, opts...)
	return f.Await(t, func(e queue.Event) bool {
		return e.Job == id && (e.Type == queue.EventDone || e.Type == queue.EventDead || e.Type == queue.EventCancelled)
	})
}

// Await waits for the first event that is wanted, whether it is still to come or has already happened.
func (f *Fleet) Await(t *testing.T, wanted func(queue.Event) bool) queue.Event {
	t.Helper()
	return f.await(t, 1, wanted)[0]
}

// AwaitCount waits for n events of a type, and returns how many there are by then.
func (f *Fleet) AwaitCount(t *testing.T, eventType queue.EventType, n int) int {
	t.Helper()
	return len(f.await(t, n, func(e queue.Event) bool { return e.Type == eventType }))
}

// await looks at all that has happened until n of the events are wanted, and returns those.
func (f *Fleet) await(t *testing.T, n int, wanted func(queue.Event) bool) []queue.Event {
	t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		events := f.Events()
		found := slices.DeleteFunc(slices.Clone(events), func(e queue.Event) bool { return !wanted(e) })
		if len(found) >= n {
			return found
		}
		select {
		case <-deadline:
			t.Fatalf("%d of %d within %s; what happened: %+v", len(found), n, Patience, events)
		case <-tick.C:
		}
	}
}

// Events lists what has happened so far.
func (f *Fleet) Events() []queue.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]queue.Event(nil), f.events...)
}

// Count is how many events of a type a job has had so far.
func (f *Fleet) Count(id string, eventType queue.EventType) int {
	n := 0
	for _, e := range f.Events() {
		if e.Job == id && e.Type == eventType {
			n++
		}
	}
	return n
}

func (f *Fleet) observe(e queue.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
