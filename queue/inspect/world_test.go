package inspect_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// world is a namespace of its own on a real server, with the queue "orders" in it.
type world struct {
	*testing.T
	rdb       *redis.Client
	namespace string
	client    *queue.Client
	look      *inspect.Inspector
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, rdb: redistest.Shared(t).Client(t), namespace: redistest.Namespace()}
	var err error
	w.client, err = queue.NewClient(w.rdb, queue.ClientConfig{Namespace: w.namespace})
	w.must(err)
	t.Cleanup(func() { _ = w.client.Close() })
	w.look, err = inspect.New(w.rdb, inspect.Config{Namespace: w.namespace})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) stream() string { return w.namespace + ":{orders}" }

func (w *world) key(companion string) string { return w.stream() + ":" + companion }

func (w *world) enqueue(kind, data string, opts ...queue.EnqueueOption) string {
	w.Helper()
	opts = append([]queue.EnqueueOption{queue.On("orders")}, opts...)
	job, err := w.client.Enqueue(w.Context(), queue.JSON(kind, []byte(data)), opts...)
	w.must(err)
	return job.ID
}

// nobody is a consumer without a lease, of the form of a worker's.
const nobody = "gone#aaaaaa"

// hold has a consumer take all waiting jobs.
func (w *world) hold(consumer string) {
	w.Helper()
	_ = w.rdb.XGroupCreateMkStream(w.Context(), w.stream(), queue.DefaultGroup, "0").Err()
	w.must(w.rdb.XReadGroup(w.Context(), &redis.XReadGroupArgs{
		Group: queue.DefaultGroup, Consumer: consumer, Streams: []string{w.stream(), ">"},
	}).Err())
}

// work runs a worker until so many jobs have an outcome.
func (w *world) work(n int) {
	w.Helper()
	mux := queue.NewMux()
	mux.HandleKind("done", func(_ context.Context, run *queue.Run) error { return run.SetResult("fine") },
		queue.Retain(time.Hour))
	mux.HandleKind("expired", func(context.Context, *queue.Run) error { return nil })
	mux.HandleKind("dead", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("card declined")) })
	mux.HandleKind("retrying", func(context.Context, *queue.Run) error { return errors.New("gateway is away") },
		queue.Backoff(time.Hour, time.Hour))
	ended := make(chan struct{}, n)
	worker, err := queue.NewWorker(w.rdb, mux, queue.WorkerConfig{
		Namespace: w.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 2,
		Observer: queue.ObserverFunc(func(e queue.Event) {
			switch e.Type {
			case queue.EventDone, queue.EventDead, queue.EventFailed, queue.EventExpired:
				ended <- struct{}{}
			}
		}),
	})
	w.must(err)
	w.must(worker.Start(w.Context()))
	for range n {
		select {
		case <-ended:
		case <-time.After(time.Minute):
			w.Fatalf("the worker has not ended %d jobs", n)
		}
	}
	w.must(worker.Stop(context.WithoutCancel(w.Context())))
}

// inState makes a job that is in a state, and returns its ID.
func (w *world) inState(state inspect.State) string {
	w.Helper()
	switch state {
	case inspect.StateWaiting:
		return w.enqueue("waiting", `{}`)
	case inspect.StateInFlight:
		id := w.enqueue("held", `{}`)
		w.hold(nobody)
		return id
	case inspect.StateDelayed:
		return w.enqueue("delayed", `{}`, queue.In(time.Hour))
	case inspect.StateCancelled:
		id := w.enqueue("unwanted", `{}`, queue.In(time.Hour))
		w.must(w.look.Cancel(w.Context(), "orders", id))
		return id
	}
	var opts []queue.EnqueueOption
	if state == inspect.StateExpired {
		opts = append(opts, queue.ExpiresIn(time.Millisecond))
	}
	id := w.enqueue(string(state), `{}`, opts...)
	for state == inspect.StateExpired && !w.rdb.Time(w.Context()).Val().After(*w.job(id).ExpiresAt) {
	}
	w.work(1)
	return id
}

func (w *world) job(id string) inspect.JobInfo {
	w.Helper()
	job, err := w.look.Job(w.Context(), "orders", id)
	w.must(err)
	return job
}
