package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

func (f *fleet) stream() string  { return f.namespace + ":{orders}" }
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

// holdAs makes entries pending for a consumer, as if it had read them.
func (f *fleet) holdAs(consumer string, n int64) []string {
	f.Helper()
	_ = f.rdb.XGroupCreateMkStream(f.Context(), f.stream(), queue.DefaultGroup, "0").Err()
	read, err := f.rdb.XReadGroup(f.Context(), &redis.XReadGroupArgs{
		Group: queue.DefaultGroup, Consumer: consumer, Streams: []string{f.stream(), ">"}, Count: n, Block: -1,
	}).Result()
	f.must(err)
	var ids []string
	for _, m := range read[0].Messages {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestDeadWorkersJobsRunAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for range 250 {
		f.enqueue("k", `{}`)
	}
	f.holdAs("gone#1", 250)
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#1"}).Err()) // its lease ended in 1970
	f.start(muxOf("k", noop))
	for _, e := range f.await(queue.EventDone, 250) {
		if e.Attempt != 1 || e.Redelivered != 1 {
			t.Fatalf("attempt %d, redelivered %d: a crash is a redelivery, not an attempt", e.Attempt, e.Redelivered)
		}
	}
	f.empty()
	f.eventually("the dead worker is gone", func() bool {
		pending := f.rdb.XPending(t.Context(), f.stream(), queue.DefaultGroup).Val()
		return len(pending.Consumers) == 0 && f.rdb.ZCard(t.Context(), f.workers()).Val() == 1
	})
}

// Field bug 2: a deleted entry still pending stops or spins reclaim.
func TestDeletedEntryDoesNotStopReclaim(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for range 5 {
		f.enqueue("k", `{}`)
	}
	ids := f.holdAs("gone#1", 5)
	f.must(f.rdb.XDel(t.Context(), f.stream(), ids[0], ids[2]).Err())
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#1"}).Err())
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 3)
	f.empty()
}

func TestJobThatCrashesItsWorkersIsDead(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	id := f.holdAs("gone#1", 1)[0]
	f.must(f.rdb.Do(t.Context(), "XCLAIM", f.stream(), queue.DefaultGroup, "gone#1", 0, id, "RETRYCOUNT", 3, "JUSTID").Err())
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#1"}).Err())
	f.start(muxOf("k", func(context.Context, *queue.Run) error {
		t.Error("it ran once more")
		return nil
	}))
	f.await(queue.EventDead, 1)
	dead, err := f.inspect.Dead(t.Context(), "orders", queue.Page{})
	f.must(err)
	if len(dead.Jobs) != 1 || dead.Jobs[0].Reason != queue.ReasonCrashed || dead.Jobs[0].Attempt != 0 {
		t.Errorf("got %+v", dead.Jobs)
	}
}

func TestStopHandsBackWithoutCounting(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	first, second := newBlocker(), newBlocker()
	for range 20 {
		f.enqueue("k", `{}`)
	}
	w := f.start(muxOf("k", first.handle), func(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead = 4, 6 })
	for range 4 {
		<-first.began
	}
	f.eventually("the worker reads ahead", func() bool { return f.info().InFlight == 10 })
	f.start(muxOf("k", second.handle), func(c *queue.WorkerConfig) { c.Concurrency = 40 })
	for range 10 {
		<-second.began
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	f.must(w.Stop(now))
	for range 4 {
		if cause := <-first.ended; !errors.Is(cause, queue.ErrStopping) {
			t.Errorf("the handler's context ended with %v", cause)
		}
	}
	for range 10 {
		if run := <-second.began; run.Attempt != 1 || run.Redelivered != 0 {
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
	<-b.began
	stopped := make(chan error)
	go func() { stopped <- w.Stop(t.Context()) }()
	close(b.free)
	f.must(<-stopped)
	if info := f.info(); info.Totals.Done != 1 || info.InFlight+info.Workers != 0 {
		t.Errorf("got %+v", info)
	}
}

// Field bugs 11 and 18: a lease that was lost frees no slot, and the sleeper's outcome does not count.
func TestLostLease(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	job := f.enqueue("k", `{}`)
	f.start(muxOf("k", b.handle))
	run := <-b.began
	f.must(f.rdb.Del(t.Context(), f.stream()+":worker:"+run.Worker).Err()) // as a caretaker does first
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: run.Worker}).Err())
	if cause := <-b.ended; !errors.Is(cause, queue.ErrLeaseLost) {
		t.Errorf("the handler's context ended with %v", cause)
	}
	again := <-b.began
	if again.ID != job.ID || again.Worker == run.Worker || again.Attempt != 1 || again.Redelivered != 1 {
		t.Errorf("first %+v, then %+v", run, again)
	}
	close(b.free)
	f.empty()
	if totals := f.info().Totals; totals.Done != 1 || totals.Retried != 0 {
		t.Errorf("totals %+v", totals)
	}
}

// The outcome of a worker that does not know yet that it lost its lease is refused by Redis.
func TestOutcomeIsFenced(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{"done": nil, "failed": errors.New("x"), "dead": queue.Cancel(nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.enqueue("k", `{}`)
			var once sync.Once
			f.start(muxOf("k", func(ctx context.Context, run *queue.Run) error {
				var first bool
				once.Do(func() { first = true })
				if !first {
					return nil
				}
				// Another worker takes the job, between two beats of this one.
				id := f.rdb.XRange(ctx, f.stream(), "-", "+").Val()[0].ID
				f.must(f.rdb.Del(ctx, f.stream()+":worker:"+run.Worker).Err())
				f.must(f.rdb.XClaimJustID(ctx, &redis.XClaimArgs{
					Stream: f.stream(), Group: queue.DefaultGroup, Consumer: "~orphans", Messages: []string{id},
				}).Err())
				return outcome
			}))
			f.await(queue.EventDropped, 1)
			f.await(queue.EventDone, 1)
			f.empty()
			if totals := f.info().Totals; totals.Done != 1 || totals.Dead+totals.Retried != 0 {
				t.Errorf("totals %+v", totals)
			}
		})
	}
}

// Field bug 10: a lost XREADGROUP reply strands jobs in a live worker's pending list.
func TestLostReadReplyIsAdopted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := newProxy(t, f.server.Addr)
	rdb := redis.NewClient(&redis.Options{Addr: p.addr()})
	defer rdb.Close()
	w, err := queue.NewWorker(rdb, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 5, Observer: f.events,
		Lease: time.Minute, // longer than the test: nobody else may save the job
	})
	f.must(err)
	f.must(w.Start(t.Context()))
	f.await(queue.EventWorkerJoined, 1)
	for i := range 20 {
		p.cut.Store(1) // whichever reply is next: a read's, a beat's, an acknowledgement's
		f.enqueue("k", `{}`)
		f.await(queue.EventDone, i+1)
	}
	f.empty()
	f.must(w.Stop(t.Context()))
	if started := len(f.events.of(queue.EventStarted)); started != 20 {
		t.Errorf("%d starts of 20 jobs", started)
	}
	if len(f.events.of(queue.EventTrouble)) == 0 {
		t.Error("no connection was cut: the test shows nothing")
	}
}

// Field bug 5: NOGROUP after data loss loops for ever.
func TestWorkerSurvivesTheLossOfAllData(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	f.start(muxOf("k", noop))
	for i := range 3 {
		f.enqueue("k", `{}`)
		f.await(queue.EventDone, i+1)
		f.must(f.rdb.FlushAll(t.Context()).Err())
	}
	f.enqueue("k", `{}`)
	f.await(queue.EventDone, 4)
}

// Field bug 6: a payload that can't be decoded wedges the reader.
func TestUndecodableEntriesAreDead(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, values := range [][]string{{"foo", "bar"}, {"id", "x", "kind", "k", "data", "{}", "meta", "{"}, {"kind", ""}} {
		f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), Values: values}).Err())
	}
	f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), Values: []string{"kind", "k", "data", "{}"}}).Err())
	f.start(muxOf("k", noop))
	for _, e := range f.await(queue.EventDead, 3) {
		info, err := f.inspect.Job(t.Context(), "orders", e.Job)
		f.must(err)
		if info.Reason != queue.ReasonUndecodable {
			t.Errorf("got %+v", info)
		}
	}
	f.await(queue.EventDone, 1) // by hand, with redis-cli
}

func TestRawStream(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + "-orders:queue"
	add := func(values ...string) string {
		t.Helper()
		id, err := f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: values}).Result()
		f.must(err)
		return id
	}
	first := add("order_id", "o-9", "cents", "500", "note", "\x00\"quoted\"")
	seen := make(chan string, 10)
	mux := muxOf("order.placed", func(_ context.Context, run *queue.Run) error {
		seen <- fmt.Sprintf("%s %d %s", run.ID, run.Attempt, run.Data)
		if run.Attempt == 1 {
			return errors.New("once more")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond))
	f.start(mux, func(c *queue.WorkerConfig) {
		c.Queues = map[string]queue.QueueConfig{stream: {Raw: &queue.Raw{Group: stream + ":group", Kind: "order.placed"}}}
	})
	data := `{"order_id":"o-9","cents":"500","note":"\u0000\"quoted\""}`
	for attempt := 1; attempt <= 2; attempt++ {
		if got, want := <-seen, fmt.Sprintf("%s %d %s", first, attempt, data); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f.await(queue.EventDone, 1)
	second := add("id", "1", "kind", "shoes", "data", "x", "size", "42") // fields that only look like navvy's
	if got, want := <-seen, second+` 1 {"id":"1","kind":"shoes","data":"x","size":"42"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f.await(queue.EventDone, 2)
	info, err := f.inspect.Queue(t.Context(), stream)
	f.must(err)
	if !info.Raw || info.Stream != stream || info.Waiting+info.InFlight+info.Retrying != 0 || f.rdb.XLen(t.Context(), stream).Val() != 0 {
		t.Errorf("got %+v", info)
	}
}

func TestForeignConsumersEntriesAreTakenOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	f.enqueue("k", `{}`)
	ids := f.holdAs("worker-1", 2) // another program, that never had a lease
	f.must(f.rdb.Do(t.Context(), "XCLAIM", f.stream(), queue.DefaultGroup, "worker-1", 0, ids[0], "IDLE", 61_000, "JUSTID").Err())
	f.start(muxOf("k", noop))
	if done := f.await(queue.EventDone, 1); done[0].Redelivered != 1 {
		t.Errorf("got %+v", done[0])
	}
	f.eventually("only the fresh one is left", func() bool { return f.info().InFlight == 1 })
}

func TestStreamWithAnotherGroupIsRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must(f.rdb.XGroupCreateMkStream(t.Context(), f.stream(), "auditors", "0").Err())
	w, err := queue.NewWorker(f.rdb, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}},
	})
	f.must(err)
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "auditors") {
		t.Errorf("got %v", err)
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
		"no queues":    {muxOf("k", noop), queue.WorkerConfig{}},
		"no mux":       {nil, queue.WorkerConfig{Queues: queues}},
		"kind twice":   {twice, queue.WorkerConfig{Queues: queues}},
		"nil handler":  {muxOf("k", nil), queue.WorkerConfig{Queues: queues}},
		"bad option":   {muxOf("k", noop, queue.MaxAttempts(-1)), queue.WorkerConfig{Queues: queues}},
		"short lease":  {muxOf("k", noop), queue.WorkerConfig{Queues: queues, Lease: time.Millisecond}},
		"queue name":   {muxOf("k", noop), queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"a b": {}}}},
		"raw, no kind": {muxOf("k", noop), queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"s": {Raw: &queue.Raw{}}}}},
		"pseudo name":  {muxOf("k", noop), queue.WorkerConfig{Queues: queues, Name: "~orphans"}},
	} {
		if _, err := queue.NewWorker(f.rdb, bad.mux, bad.cfg); err == nil || !strings.HasPrefix(err.Error(), "queue: worker: ") {
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
		w, err := queue.NewWorker(rdb, muxOf("k", noop), queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"orders": {}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
		_ = rdb.Close()
	}
}

func TestStuckHandlerKeepsItsSlotAndIsTold(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	free := make(chan struct{})
	mux := muxOf("stuck", func(context.Context, *queue.Run) error { <-free; return nil }, queue.Timeout(10*time.Millisecond))
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
