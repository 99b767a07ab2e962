package queue_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// fleet is what a test works with: a namespace of its own on a real server, a client, an inspector, and workers that
// end with the test.
type fleet struct {
	*testing.T
	server    *redistest.Server
	rdb       *redis.Client
	namespace string
	client    *queue.Client
	inspect   *inspect.Inspector
	events    *recorder
	sent      int // jobs by eachQueue
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	return newFleetOn(t, redistest.Shared(t))
}

func newFleetOn(t *testing.T, server *redistest.Server) *fleet {
	t.Helper()
	f := &fleet{T: t, server: server, rdb: server.Client(t), namespace: redistest.Namespace(), events: newRecorder()}
	var err error
	f.client, err = queue.NewClient(f.rdb, queue.ClientConfig{Namespace: f.namespace, Observer: f.events})
	f.must(err)
	t.Cleanup(func() { _ = f.client.Close() })
	f.inspect, err = inspect.New(f.rdb, inspect.Config{Namespace: f.namespace})
	f.must(err)
	return f
}

func (f *fleet) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// start runs a worker on the queue "orders" until the test ends; change may alter its configuration.
func (f *fleet) start(mux *queue.Mux, change ...func(*queue.WorkerConfig)) *queue.Worker {
	f.Helper()
	return f.startOn(f.rdb, mux, change...)
}

// startOn is start with the options of another client.
func (f *fleet) startOn(
	rdb redis.UniversalClient, mux *queue.Mux, change ...func(*queue.WorkerConfig),
) *queue.Worker {
	f.Helper()
	cfg := queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 10, Observer: f.events,
	}
	for _, c := range change {
		c(&cfg)
	}
	w, err := queue.NewWorker(rdb, mux, cfg)
	f.must(err)
	f.must(w.Start(f.Context()))
	f.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			f.Error(err)
		}
	})
	return w
}

func (f *fleet) enqueue(kind, data string, opts ...queue.EnqueueOption) *queue.Enqueued {
	f.Helper()
	job, err := f.client.Enqueue(f.Context(), queue.JSON(kind, []byte(data)),
		append([]queue.EnqueueOption{queue.On("orders")}, opts...)...)
	f.must(err)
	return job
}

func (f *fleet) info() inspect.QueueInfo {
	f.Helper()
	info, err := f.inspect.Queue(f.Context(), "orders")
	f.must(err)
	return info
}

// eventually waits until check holds, looking a hundred times a second.
func (f *fleet) eventually(what string, check func() bool) {
	f.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline:
			f.Fatalf("never happened: %s\nqueue: %+v\n%s", what, f.info(), f.events.tail())
		}
	}
}

// empty waits until nothing of the queue waits, runs or will come back.
func (f *fleet) empty() {
	f.Helper()
	f.eventually("the queue is empty", func() bool {
		i := f.info()
		return i.Waiting+i.InFlight+i.Delayed+i.Retrying == 0
	})
}

// awaitHandedBack waits until no worker holds a job of the queue, and returns how many were handed back.
func (f *fleet) awaitHandedBack() (n int) {
	f.Helper()
	f.eventually("what was read ahead is handed back", func() bool {
		page, err := f.inspect.Search(f.Context(), "orders", inspect.Query{State: inspect.StateInFlight}, inspect.Page{})
		f.must(err)
		n = len(page.Jobs)
		return !slices.ContainsFunc(page.Jobs, func(job inspect.JobInfo) bool { return job.Worker != "~released" })
	})
	return n
}

// recorder is an observer that remembers.
type recorder struct {
	mu     sync.Mutex
	events []queue.Event
	counts map[queue.EventType]int
	added  chan struct{} // closed by the next event
}

func newRecorder() *recorder {
	return &recorder{counts: map[queue.EventType]int{}, added: make(chan struct{})}
}

func (r *recorder) Observe(e queue.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.counts[e.Type]++
	close(r.added)
	r.added = make(chan struct{})
}

func (r *recorder) all() []queue.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]queue.Event(nil), r.events...)
}

// tail shows the last events, for a test that failed.
func (r *recorder) tail() string {
	events := r.all()
	var text strings.Builder
	for _, e := range events[max(0, len(events)-25):] {
		fmt.Fprintf(&text, "%s %s %s %s %s attempt %d redelivered %d count %d %v\n",
			e.Time.Format("05.000"), e.Type, e.Worker, e.Job, e.Kind, e.Attempt, e.Redelivered, e.Count, e.Err)
	}
	return text.String()
}

// of returns the events of a type so far.
func (r *recorder) of(typ queue.EventType) []queue.Event {
	var found []queue.Event
	for _, e := range r.all() {
		if e.Type == typ {
			found = append(found, e)
		}
	}
	return found
}

// await waits for n events of a type and returns them.
func (f *fleet) await(typ queue.EventType, n int) []queue.Event {
	f.Helper()
	deadline := time.After(time.Minute)
	for {
		f.events.mu.Lock()
		count, added := f.events.counts[typ], f.events.added
		f.events.mu.Unlock()
		if count >= n {
			return f.events.of(typ)
		}
		select {
		case <-added:
		case <-deadline:
			f.Fatalf("%d events %s never came\n%s", n, typ, f.events.tail())
		}
	}
}

// receive waits for what a channel brings, or for its end, and fails the test when that does not come.
func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing was received")
		var none T
		return none
	}
}

// hasNoNotes reports whether nothing is noted about jobs any more. Which workers died last may be.
func (f *fleet) hasNoNotes() bool {
	keys, err := f.rdb.Keys(f.Context(), "*").Result()
	f.must(err)
	return !slices.ContainsFunc(keys, func(key string) bool {
		_, name, _ := strings.Cut(key, "}:")
		return name == "bodies" || name == "dead:ids" || name == "cancelled" ||
			name == "crashed" && !slices.Equal(f.rdb.HKeys(f.Context(), key).Val(), []string{":deaths"})
	})
}
