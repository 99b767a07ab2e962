package queue_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// throughProxy returns a client whose connections pass through a proxy, warmed up.
func (f *fleet) throughProxy() (*proxy, *queue.Client) {
	f.Helper()
	p := newProxy(f, f.server.Addr)
	rdb := redis.NewClient(&redis.Options{Addr: p.addr(), PoolSize: 1})
	f.Cleanup(func() { _ = rdb.Close() })
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: f.namespace, Timeout: 3 * time.Second})
	f.must(err)
	_, err = client.Enqueue(f.Context(), queue.JSON("warm.up", []byte(`{}`)), queue.On("orders"))
	f.must(err)
	return p, client
}

// Field bug 9: a dropped connection enqueues twice.
func TestDroppedConnectionEnqueuesOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p, client := f.throughProxy()
	p.cut.Store(1)
	_, err := client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"))
	if !errors.Is(err, queue.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnknownOutcome", err)
	}
	if n := f.info().Waiting; n != 2 {
		t.Errorf("%d jobs in the stream, want the warm-up and one", n)
	}
}

func TestRepeatingAGuardedCallIsSafe(t *testing.T) {
	t.Parallel()
	for name, guard := range map[string]queue.EnqueueOption{
		"ID": queue.ID("o-7"), "unique": queue.Unique("charge:o-7", time.Hour),
		"until ended":   queue.UniqueUntilEnded("charge:o-7", queue.ReplaceData()),
		"until started": queue.UniqueUntilStarted("charge:o-7"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			p, client := f.throughProxy()
			p.cut.Store(2) // the client itself sends it again, twice
			first, err := client.Enqueue(t.Context(), charge{"o-7", 1}, queue.On("orders"), guard)
			f.must(err)
			if first.Duplicate {
				t.Error("a call took its own first try for another's")
			}
			second, err := client.Enqueue(t.Context(), charge{"o-7", 1}, queue.On("orders"), guard)
			f.must(err)
			if !second.Duplicate || second.ID != first.ID {
				t.Errorf("repeated: %+v, want a duplicate of %s", second, first.ID)
			}
			if n := f.info().Waiting; n != 2 {
				t.Errorf("%d jobs in the stream, want the warm-up and one", n)
			}
		})
	}
}

func TestUniqueAmongManyCallers(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ids := make(map[string]int)
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			job, err := f.client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"), queue.Unique("o-1", time.Minute),
				queue.In(time.Hour))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			ids[job.ID]++
			mu.Unlock()
		})
	}
	callers.Wait()
	if len(ids) != 1 || f.info().Delayed != 1 {
		t.Errorf("%d IDs, %d delayed jobs; want one of each", len(ids), f.info().Delayed)
	}
}

// Field bug 17: the unique lock outlives a dead or cancelled job.
func TestUniqueKeyIsFreeWhenTheJobIsDeadOrDeleted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("payment.charge", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("no")) })
	unique := queue.Unique("charge:o-1", time.Hour)
	first := f.enqueue("payment.charge", `{}`, unique, queue.In(time.Hour))
	f.must(f.inspect.Delete(t.Context(), "orders", first.ID))
	second := f.enqueue("payment.charge", `{}`, unique)
	if second.Duplicate {
		t.Error("a deleted job holds its unique key")
	}
	f.start(mux)
	f.await(queue.EventDead, 1)
	if third := f.enqueue("payment.charge", `{}`, unique); third.Duplicate {
		t.Error("a dead job holds its unique key")
	}
}

func TestDoneJobKeepsItsUniqueKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("payment.charge", func(context.Context, *queue.Run) error { return nil })
	f.start(mux)
	first := f.enqueue("payment.charge", `{}`, queue.Unique("charge:o-1", time.Hour))
	f.await(queue.EventDone, 1)
	if again := f.enqueue("payment.charge", `{}`, queue.Unique("charge:o-1", time.Hour)); !again.Duplicate ||
		again.ID != first.ID {
		t.Errorf("got %+v: a caller who repeats after an unknown outcome would pay twice", again)
	}
}

// Field bug 14: an out-of-memory Redis loses the job on retry.
func TestFullRedisRefusesAndStillDrains(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--maxmemory-policy", "noeviction"))
	mux := queue.NewMux()
	mux.HandleKind("flaky", func(_ context.Context, run *queue.Run) error {
		if run.Attempt < 3 {
			return errors.New("again")
		}
		return run.SetResult("done")
	}, queue.Backoff(time.Millisecond, time.Millisecond), queue.Retain(time.Minute))
	mux.HandleKind("cancel", func(context.Context, *queue.Run) error { return queue.Cancel(nil) })
	mux.HandleKind("fine", func(context.Context, *queue.Run) error { return nil })
	for range 20 {
		f.enqueue("flaky", `{}`)
		f.enqueue("cancel", `{}`)
		f.enqueue("fine", `{}`, queue.In(10*time.Millisecond))
	}
	f.must(f.rdb.XGroupCreate(t.Context(), f.info().Stream, wire.DefaultGroup, "0").Err())
	f.must(f.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	for _, opts := range [][]queue.EnqueueOption{{}, {queue.In(time.Hour)}, {queue.ID("x")}} {
		_, err := f.client.Enqueue(t.Context(), charge{}, append(opts, queue.On("orders"))...)
		if !errors.Is(err, queue.ErrFull) {
			t.Errorf("got %v, want ErrFull", err)
		}
	}
	// It joins, works, retries, buries and stores results with no memory left. Each job that fails waits for some first.
	f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 60 })
	f.empty()
	info := f.info()
	if info.Totals.Done != 40 || info.Dead != 20 || info.Totals.Retried != 40 {
		t.Errorf("got %+v", info)
	}
}

func TestAbsentRedisFailsPromptly(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = client.Enqueue(t.Context(), charge{})
	if err == nil || errors.Is(err, queue.ErrUnknownOutcome) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want a refused connection", err)
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("took %s", took)
	}
}

// A Redis that hangs: what was sent has an unknown outcome, what was not was not enqueued, and what is too much is
// refused at once.
func TestHangingRedis(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := newProxy(t, f.server.Addr)
	rdb := redis.NewClient(&redis.Options{Addr: p.addr(), PoolSize: 2, MaxRetries: -1, ReadTimeout: 2 * time.Second})
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: f.namespace, MaxBuffered: 3, Timeout: time.Second})
	f.must(err)
	f.must(rdb.Ping(t.Context()).Err())
	p.mute.Store(true)
	var callers sync.WaitGroup
	errs := make(chan error, 20)
	for range 20 {
		callers.Go(func() {
			_, err := client.Enqueue(t.Context(), charge{})
			errs <- err
		})
	}
	callers.Wait()
	close(errs)
	var unknown, overloaded, unsent int
	for err := range errs {
		switch {
		case errors.Is(err, queue.ErrUnknownOutcome):
			unknown++
		case errors.Is(err, queue.ErrOverloaded):
			overloaded++
		case errors.Is(err, context.DeadlineExceeded):
			unsent++
		default:
			t.Errorf("got %v", err)
		}
	}
	if unknown == 0 || overloaded == 0 || unsent > 3 {
		t.Errorf("%d unknown, %d overloaded, %d unsent", unknown, overloaded, unsent)
	}
	f.must(client.Close())
}

func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	small, err := queue.NewClient(f.rdb, queue.ClientConfig{Namespace: f.namespace, MaxData: 10})
	f.must(err)
	for name, call := range map[string]func() error{
		"nil args":       func() error { _, err := f.client.Enqueue(t.Context(), nil); return err },
		"empty kind":     func() error { _, err := f.client.Enqueue(t.Context(), queue.JSON("", []byte(`{}`))); return err },
		"not JSON":       func() error { _, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{`))); return err },
		"empty queue":    func() error { _, err := f.client.Enqueue(t.Context(), charge{}, queue.On("")); return err },
		"braces":         func() error { _, err := f.client.Enqueue(t.Context(), charge{}, queue.On("a{b}")); return err },
		"negative delay": func() error { _, err := f.client.Enqueue(t.Context(), charge{}, queue.In(-1)); return err },
		"empty ID":       func() error { _, err := f.client.Enqueue(t.Context(), charge{}, queue.ID("")); return err },
		"no attempts": func() error {
			_,
				err := f.client.Enqueue(t.Context(), charge{}, queue.MaxAttempts(0))
			return err
		},
		"no timeout":    func() error { _, err := f.client.Enqueue(t.Context(), charge{}, queue.Timeout(0)); return err },
		"backoff falls": func() error { _, err := f.client.Enqueue(t.Context(), charge{}, queue.Backoff(2, 1)); return err },
		"too large":     func() error { _, err := small.Enqueue(t.Context(), charge{"o-1", 1}); return err },
		"bad namespace": func() error { _, err := queue.NewClient(f.rdb, queue.ClientConfig{Namespace: "{"}); return err },
	} {
		err := call()
		if err == nil || !strings.HasPrefix(err.Error(), "queue: ") || strings.Contains(err.Error(), "\n\n") {
			t.Errorf("%s: got %v", name, err)
		}
		if name == "too large" && !errors.Is(err, queue.ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	}
	if names, err := f.inspect.Queues(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("something was enqueued: %v, %v", names, err)
	}
}

func TestCancelledCallEnqueuesNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if _, err := f.client.Enqueue(over, charge{}, queue.On("orders")); !errors.Is(err, context.Canceled) ||
			errors.Is(err, queue.ErrUnknownOutcome) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := f.inspect.Queue(t.Context(), "orders"); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("something was enqueued: %v", err)
	}
}

func TestEnqueueManyHasAnOutcomeForEach(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	items := make([]queue.Item, 2500)
	for i := range items {
		items[i] = queue.Item{Args: charge{fmt.Sprint(i), 1}, Options: []queue.EnqueueOption{queue.On("orders")}}
	}
	items[1234].Args = queue.JSON("payment.charge", []byte("nonsense"))
	items[2000].Options = append(items[2000].Options, queue.In(time.Hour))
	results, err := f.client.EnqueueMany(t.Context(), items)
	if err == nil || !strings.Contains(err.Error(), "1 of 2500") {
		t.Errorf("got %v", err)
	}
	for i, r := range results {
		if (r.Err != nil) != (i == 1234) {
			t.Errorf("item %d: %v", i, r.Err)
		}
	}
	if info := f.info(); info.Waiting != 2498 || info.Delayed != 1 {
		t.Errorf("%d waiting, %d delayed", info.Waiting, info.Delayed)
	}
}

func TestClosedClientRefuses(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must(f.client.Close())
	if _, err := f.client.Enqueue(t.Context(), charge{}); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// closedFirst is a connection that is closed by the time that it is to be, as one is when the master has just moved.
type closedFirst struct{ net.Conn }

func (c closedFirst) Close() error {
	_ = c.Conn.Close()
	return c.Conn.Close()
}

func TestClosingAClientOfClosedConnectionsIsNoError(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr, Dialer: func(ctx context.Context, network, addr string,
	) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return closedFirst{conn}, err
	}})
	t.Cleanup(func() { _ = rdb.Close() })
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: f.namespace})
	f.must(err)
	_, err = client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders"))
	f.must(err)
	f.must(client.Close())
}
