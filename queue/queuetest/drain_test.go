package queuetest_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/queuetest"
)

func on(names ...string) queue.WorkerConfig {
	cfg := queue.WorkerConfig{Queues: map[string]queue.QueueConfig{}}
	for _, name := range names {
		cfg.Queues[name] = queue.QueueConfig{}
	}
	return cfg
}

func newClient(t *testing.T, rdb *redis.Client, now func() time.Time) *queue.Client {
	t.Helper()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func enqueue(t *testing.T, to queue.Enqueuer, args queue.Args, opts ...queue.EnqueueOption) string {
	t.Helper()
	job, err := to.Enqueue(t.Context(), args, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return job.ID
}

func wantTypes(t *testing.T, events queuetest.Events, want ...queue.EventType) {
	t.Helper()
	if got := events.Types(); !slices.Equal(got, want) {
		t.Errorf("got the events %q, want %q", got, want)
	}
}

// A job that enqueues another on a second queue is the hard case: between two looks it is in neither.
func drainFollows(t *testing.T, rdb *redis.Client) {
	t.Helper()
	client, mux := newClient(t, rdb, nil), queue.NewMux()
	queue.Handle(mux, func(ctx context.Context, job *queue.Job[Charge]) error {
		_, err := client.Enqueue(ctx, Receipt{job.Args.Order}, queue.On("mail"), queue.ID("r-"+job.Args.Order))
		return err
	})
	queue.Handle(mux, func(context.Context, *queue.Job[Receipt]) error { return nil })
	for _, order := range []string{"1", "2", "3"} {
		enqueue(t, client, Charge{Order: order}, queue.On("payments"))
	}
	events := queuetest.Drain(t, rdb, mux, on("mail", "payments"))
	if done := events.Of(queue.EventDone); len(done) != 6 {
		t.Errorf("%d jobs were done, want 6", len(done))
	}
	wantTypes(t, events.Job("r-2"), queue.EventStarted, queue.EventDone)
}

func TestDrainFollowsJobsToOtherQueues(t *testing.T) {
	t.Parallel()
	drainFollows(t, queuetest.Server(t))
}

func TestServerIsEmbeddedWhereThereIsNoOther(t *testing.T) { // not parallel: the environment is the process'
	t.Setenv("REDIS_SERVER", "")
	t.Setenv("PATH", t.TempDir())
	drainFollows(t, queuetest.Server(t))
}

func TestServerFailsIfTheNamedOneIsMissing(t *testing.T) {
	t.Setenv("REDIS_SERVER", t.TempDir()+"/missing")
	if got := failure(t, t.Context(), func(tb testing.TB) { queuetest.Server(tb) }); !strings.Contains(got, "missing") {
		t.Errorf("it failed with %q", got)
	}
}

func TestDrainLeavesWhatIsNotDueByTheClock(t *testing.T) {
	t.Parallel()
	rdb, clock, fails := queuetest.Server(t), queuetest.NewClock(noon), atomic.Int64{}
	client, mux := newClient(t, rdb, clock.Now), queue.NewMux()
	queue.Handle(mux, func(context.Context, *queue.Job[Charge]) error {
		if fails.Add(1) == 1 {
			return errDeclined
		}
		return nil
	}, queue.Backoff(time.Hour, time.Hour))
	id := enqueue(t, client, Charge{}, queue.In(time.Minute))
	cfg := on("default")
	cfg.Now = clock.Now
	if events := queuetest.Drain(t, rdb, mux, cfg).Job(id); len(events) != 0 {
		t.Errorf("a delayed job has the events %q", events.Types())
	}
	clock.Advance(time.Minute)
	failed := queuetest.Drain(t, rdb, mux, cfg).Job(id)
	wantTypes(t, failed, queue.EventStarted, queue.EventFailed)
	if events := queuetest.Drain(t, rdb, mux, cfg).Job(id); len(events) != 0 {
		t.Errorf("a retrying job has the events %q", events.Types())
	}
	clock.Advance(2 * time.Hour)
	wantTypes(t, queuetest.Drain(t, rdb, mux, cfg).Job(id), queue.EventStarted, queue.EventDone)
}

func TestDrainWaitsForRetriesInRealTime(t *testing.T) {
	t.Parallel()
	rdb, observed := queuetest.Server(t), atomic.Int64{}
	client, mux := newClient(t, rdb, nil), queue.NewMux()
	queue.Handle(mux, func(_ context.Context, job *queue.Job[Charge]) error {
		if job.Attempt < 3 {
			panic("boom")
		}
		return queue.Cancel(errDeclined)
	}, queue.Backoff(200*time.Millisecond, 200*time.Millisecond))
	id, later := enqueue(t, client, Charge{}), enqueue(t, client, Charge{}, queue.In(time.Hour))
	unknown := enqueue(t, client, Receipt{})
	cfg := on("default")
	cfg.Observer = queue.ObserverFunc(func(queue.Event) { observed.Add(1) })
	events := queuetest.Drain(t, rdb, mux, cfg)
	wantTypes(t, events.Job(id), queue.EventStarted, queue.EventFailed, queue.EventStarted, queue.EventFailed,
		queue.EventStarted, queue.EventDead)
	wantTypes(t, events.Job(unknown), queue.EventDead)
	if left := events.Job(later); len(left) != 0 {
		t.Errorf("a job due in an hour has the events %q", left.Types())
	}
	if int(observed.Load()) != len(events) {
		t.Errorf("the observer of the configuration was given %d events of %d", observed.Load(), len(events))
	}
}

func TestDrainSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	rdb := queuetest.Server(t)
	client, mux := newClient(t, rdb, nil), queue.NewMux()
	untilItStarts, cancel := context.WithCancel(t.Context())
	defer cancel()
	queue.Handle(mux, func(ctx context.Context, _ *queue.Job[Charge]) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	id := enqueue(t, client, Charge{}, queue.On("slow"))
	enqueue(t, client, Charge{}, queue.On("resting"))
	inspector, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := inspector.Pause(t.Context(), "resting"); err != nil {
		t.Fatal(err)
	}
	got := failure(t, untilItStarts, func(tb testing.TB) { queuetest.Drain(tb, rdb, mux, on("slow", "resting")) })
	for _, want := range []string{
		"not done in time", "queue slow: 0 waiting, 1 in flight", "queue resting: 1 waiting", ", paused",
		"started and not ended: " + id + " (payment.charge)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it failed with %q, which lacks %q", got, want)
		}
	}
}

func TestDrainRefuses(t *testing.T) {
	t.Parallel()
	rdb, broken := queuetest.Server(t), queue.NewMux()
	queue.Handle[Charge](broken, nil)
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer gone.Close()
	for want, drain := range map[string]func(tb testing.TB){
		"mux is nil":     func(tb testing.TB) { queuetest.Drain(tb, rdb, nil, on("q")) },
		"handler is nil": func(tb testing.TB) { queuetest.Drain(tb, rdb, broken, on("q")) },
		"no queues":      func(tb testing.TB) { queuetest.Drain(tb, rdb, muxOf(), queue.WorkerConfig{}) },
		"127.0.0.1:1":    func(tb testing.TB) { queuetest.Drain(tb, gone, muxOf(), on("q")) },
	} {
		if got := failure(t, t.Context(), drain); !strings.Contains(got, want) {
			t.Errorf("it failed with %q, want %q", got, want)
		}
	}
}
