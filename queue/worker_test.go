package queue_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

func (f *fleet) stream() string { return f.namespace + ":{orders}" }

func (f *fleet) workers() string { return f.stream() + ":workers" }

// blocker is a handler that says when it begins and ends when it is let go or its context is cancelled.
type blocker struct {
	began chan *queue.Run
	ended chan error // the cause of the cancelled context, nil if let go
	free  chan struct{}
}

func newBlocker() *blocker {
	return &blocker{began: make(chan *queue.Run, 10_000), ended: make(chan error, 10_000), free: make(chan struct{})}
}

func (b *blocker) handle(ctx context.Context, run *queue.Run) error {
	b.began <- run
	select {
	case <-b.free:
		b.ended <- nil
		return nil
	case <-ctx.Done():
		b.ended <- context.Cause(ctx)
		return ctx.Err()
	}
}

func muxOf(kind string, handler queue.Handler, opts ...queue.HandleOption) *queue.Mux {
	mux := queue.NewMux()
	mux.HandleKind(kind, handler, opts...)
	return mux
}

func noop(context.Context, *queue.Run) error { return nil }

func TestStopHandsBackWithoutCounting(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	first, second := newBlocker(), newBlocker()
	for range 20 {
		f.enqueue("k", `{}`)
	}
	w := f.start(muxOf("k", first.handle), func(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead = 4, 6 })
	for range 4 {
		receive(t, first.began)
	}
	f.eventually("the worker reads ahead", func() bool { return f.info().InFlight == 10 })
	f.start(muxOf("k", second.handle), func(c *queue.WorkerConfig) { c.Concurrency = 40 })
	for range 10 {
		receive(t, second.began)
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	f.must(w.Stop(now))
	for range 4 {
		if cause := receive(t, first.ended); !errors.Is(cause, queue.ErrStopping) {
			t.Errorf("the handler's context ended with %v", cause)
		}
	}
	for range 10 {
		if run := receive(t, second.began); run.Attempt != 1 || run.Redelivered != 0 {
			t.Errorf("attempt %d, redelivered %d after a hand-over", run.Attempt, run.Redelivered)
		}
	}
	close(second.free)
	f.empty()
	if n := f.info().Workers; n != 1 {
		t.Errorf("%d workers registered, want the one that goes on", n)
	}
}

func TestStopLetsHandlersFinish(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	f.enqueue("k", `{}`)
	w := f.start(muxOf("k", b.handle))
	receive(t, b.began)
	stopped := make(chan error)
	go func() { stopped <- w.Stop(t.Context()) }()
	close(b.free)
	f.must(<-stopped)
	if info := f.info(); info.Totals.Done != 1 || info.InFlight+info.Workers != 0 {
		t.Errorf("got %+v\n%s", info, f.events.tail())
	}
}

func TestWorkerRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	queues := map[string]queue.QueueConfig{"orders": {}}
	twice := muxOf("k", noop)
	twice.HandleKind("k", noop)
	for name, bad := range map[string]struct {
		mux *queue.Mux
		cfg queue.WorkerConfig
	}{
		"no queues":   {muxOf("k", noop), queue.WorkerConfig{}},
		"no mux":      {nil, queue.WorkerConfig{Queues: queues}},
		"kind twice":  {twice, queue.WorkerConfig{Queues: queues}},
		"nil handler": {muxOf("k", nil), queue.WorkerConfig{Queues: queues}},
		"bad option":  {muxOf("k", noop, queue.MaxAttempts(-1)), queue.WorkerConfig{Queues: queues}},
		"short lease": {muxOf("k", noop), queue.WorkerConfig{Queues: queues, Lease: time.Millisecond}},
		"queue name":  {muxOf("k", noop), queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"a b": {}}}},
		"raw, no kind": {muxOf("k", noop),
			queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"s": {Raw: &queue.Raw{}}}}},
		"pseudo name": {muxOf("k", noop), queue.WorkerConfig{Queues: queues, Name: "~orphans"}},
	} {
		if _, err := queue.NewWorker(f.rdb, bad.mux, bad.cfg); err == nil ||
			!strings.HasPrefix(err.Error(), "queue: worker: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStartFailsWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--requirepass", "secret")
	for name, opt := range map[string]*redis.Options{
		"unreachable":    {Addr: "127.0.0.1:1", DialerRetries: 1},
		"wrong password": {Addr: server.Addr, Password: "wrong"},
		"no password":    {Addr: server.Addr},
	} {
		rdb := redis.NewClient(opt)
		w, err := queue.NewWorker(rdb, muxOf("k", noop),
			queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"orders": {}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
		_ = rdb.Close()
	}
}

func TestStopBeforeAndDuringAFailedStart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", DialerRetries: 1})
	defer rdb.Close()
	for range 50 {
		w, err := queue.NewWorker(rdb, muxOf("k", noop),
			queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"orders": {}}})
		f.must(err)
		if err := w.Run(over); err == nil {
			t.Fatal("it started without a Redis")
		}
		f.must(w.Stop(over))
	}
}

func TestStuckHandlerKeepsItsSlotAndIsTold(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	free := make(chan struct{})
	mux := muxOf("stuck", func(context.Context, *queue.Run) error { <-free; return nil },
		queue.Timeout(10*time.Millisecond))
	mux.HandleKind("k", noop)
	f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 1 })
	f.enqueue("stuck", `{}`)
	f.await(queue.EventStarted, 1)
	f.enqueue("k", `{}`)
	if e := f.await(queue.EventStuck, 1)[0]; e.Kind != "stuck" || e.Took < time.Second {
		t.Errorf("got %+v", e)
	}
	if n := len(f.events.of(queue.EventStarted)); n != 1 {
		t.Error("the slot was given away while its handler ran")
	}
	close(free)
	f.await(queue.EventDone, 2)
}

// A worker whose slots are busy must not sit on a job that another one could start.
func TestReadAheadIsHandedBackWhenHandlersTurnSlow(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	slow := newBlocker()
	mux := muxOf("slow", slow.handle)
	mux.HandleKind("fast", noop)
	jobs := make([]queue.Item, 3000)
	for i := range jobs {
		kind := "fast"
		if i >= 1000 {
			kind = "slow"
		}
		jobs[i] = queue.Item{Args: queue.JSON(kind, []byte(`{}`)), Options: []queue.EnqueueOption{queue.On("orders")}}
	}
	_, err := f.client.EnqueueMany(t.Context(), jobs)
	f.must(err)
	f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 2 })
	f.eventually("it holds what it runs, and no more", func() bool {
		workers, err := f.inspect.Workers(t.Context(), "orders")
		return err == nil && len(slow.began) == 2 && len(workers) == 1 && workers[0].InFlight == 2
	})
	close(slow.free)
	f.eventually("all is done", func() bool { return f.info().Totals.Done == 3000 })
}

func TestStartAndStopUnderStress(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for range 200 {
		f.enqueue("k", `{}`)
	}
	var rounds sync.WaitGroup
	for range 10 {
		rounds.Go(func() {
			w, err := queue.NewWorker(f.rdb, muxOf("k", noop), queue.WorkerConfig{
				Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 3,
			})
			f.must(err)
			f.must(w.Start(t.Context()))
			var stops sync.WaitGroup
			for range 3 {
				stops.Go(func() { f.must(w.Stop(t.Context())) })
			}
			stops.Wait()
			if w.Start(t.Context()) == nil {
				t.Error("a worker started twice")
			}
		})
	}
	rounds.Wait()
	f.start(muxOf("k", noop))
	f.empty()
	if totals := f.info().Totals; totals.Done != 200 {
		t.Errorf("%d of 200 done", totals.Done)
	}
}

// Field bug 13: BLOCK 0 or a sub-millisecond block hangs for ever. A reader whose connection nobody can end returns by
// itself.
func TestReadEndsByItself(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	f.must(f.rdb.Do(t.Context(), "ACL", "SETUSER", "worker", "on", ">secret", "~*", "&*", "+@all", "-client").Err())
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr, Username: "worker", Password: "secret"})
	defer rdb.Close()
	w, err := queue.NewWorker(rdb, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Observer: f.events,
	})
	f.must(err)
	f.must(w.Start(t.Context()))
	f.await(queue.EventCaretakerTaken, 1)
	began := time.Now()
	f.must(w.Stop(t.Context()))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("an idle worker took %s to stop", took)
	}
}

// Field bug 16: N schedulers make N duplicates. Every worker may promote; a job is promoted once.
func TestManyCaretakersPromoteOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const jobs = 300
	for range jobs {
		f.enqueue("k", `{}`, queue.In(50*time.Millisecond))
	}
	for range 4 {
		f.start(muxOf("k", noop))
	}
	var meddlers sync.WaitGroup
	for range 4 { // as if four took themselves for the caretaker for a while
		meddlers.Go(func() {
			for f.info().Delayed > 0 {
				f.rdb.Del(t.Context(), f.stream()+":caretaker")
			}
		})
	}
	meddlers.Wait()
	f.await(queue.EventDone, jobs)
	f.empty()
	if totals := f.info().Totals; totals.Done != jobs || totals.Promoted != jobs {
		t.Errorf("got %+v", totals)
	}
}
