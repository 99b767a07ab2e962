package queue

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// engine is a session on the queue "orders" of a worker whose loops do not run: a test takes their steps itself.
type engine struct {
	*testing.T
	*session
	rdb    *redis.Client
	client *Client
	events *eventLog
}

func newEngine(t *testing.T, change ...func(*WorkerConfig)) *engine {
	t.Helper()
	e := &engine{T: t, rdb: redistest.Shared(t).Client(t), events: &eventLog{}}
	mux := NewMux()
	mux.HandleKind("k", func(context.Context, *Run) error { return nil })
	cfg := WorkerConfig{
		Namespace: redistest.Namespace(), Queues: map[string]QueueConfig{"orders": {}}, Concurrency: 10, Observer: e.events,
	}
	for _, c := range change {
		c(&cfg)
	}
	w, err := NewWorker(e.rdb, mux, cfg)
	e.must(err)
	t.Cleanup(func() { _ = w.Stop(context.Background()) })
	e.client, err = NewClient(e.rdb, ClientConfig{Namespace: cfg.Namespace})
	e.must(err)
	t.Cleanup(func() { _ = e.client.Close() })
	e.session, err = w.subscriptions[0].join(t.Context())
	e.must(err)
	t.Cleanup(func() { e.cancel(nil) })
	return e
}

func (e *engine) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *engine) enqueue(n int, opts ...EnqueueOption) {
	e.Helper()
	for range n {
		_, err := e.client.Enqueue(e.Context(), JSON("k", []byte(`{}`)), append(opts, On("orders"))...)
		e.must(err)
	}
}

// hold enqueues n jobs and delivers them to this session, past its dispatcher.
func (e *engine) hold(n int) []*task {
	e.Helper()
	e.enqueue(n)
	e.reading = e.ctx
	tasks, _, err := e.readOnce(new(readMemory), n, true)
	e.must(err)
	if len(tasks) != n {
		e.Fatalf("%d jobs were delivered, want %d", len(tasks), n)
	}
	return tasks
}

// holdAs enqueues n jobs and delivers them to another consumer.
func (e *engine) holdAs(consumer string, n int) {
	e.Helper()
	e.enqueue(n)
	e.must(e.rdb.XReadGroup(e.Context(), &redis.XReadGroupArgs{
		Group: e.queue.Group, Consumer: consumer, Streams: []string{e.queue.Stream, ">"}, Count: int64(n), Block: -1,
	}).Err())
}

// pending returns how many entries each consumer holds.
func (e *engine) pending() map[string]int64 {
	e.Helper()
	found, err := e.rdb.XPending(e.Context(), e.queue.Stream, e.queue.Group).Result()
	e.must(err)
	return found.Consumers
}

func (e *engine) consumers() []string {
	e.Helper()
	found, err := e.rdb.XInfoConsumers(e.Context(), e.queue.Stream, e.queue.Group).Result()
	e.must(err)
	var names []string
	for _, c := range found {
		names = append(names, c.Name)
	}
	return names
}

// chore does a chore once, and returns when it is to be done next.
func (e *engine) chore(which int) time.Duration {
	e.Helper()
	next, err := chores[which].run(e.session, e.Context())
	e.must(err)
	return next
}

// eventually waits until check holds, looking a hundred times a second.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}

// within fails the test unless what ends soon.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("does not end: %s", what)
	}
}

// eventLog is an observer that keeps the events.
type eventLog struct {
	mu     sync.Mutex
	events []Event
}

func (l *eventLog) Observe(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *eventLog) of(typ EventType) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.events), func(e Event) bool { return e.Type != typ })
}

// orphans is the consumer under which the jobs of dead workers are parked.
const orphans = wire.ParkOrphans
