package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// Welcome is a job: its fields travel as JSON, its kind names the handler.
type Welcome struct{ Email string }

func (Welcome) Kind() string { return "mail.welcome" }

// exampleRedis starts a private Redis for an example. A program has redis.NewClient with its own address here.
func exampleRedis() (rdb *redis.Client, stop func()) {
	dir, err := os.MkdirTemp("", "navvy-example-")
	check(err)
	server, err := redistest.Start(dir)
	check(err)
	rdb = redis.NewClient(&redis.Options{Addr: server.Addr})
	return rdb, func() {
		_ = rdb.Close()
		server.Kill()
		_ = os.RemoveAll(dir)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// runUntil works until ctx ends: the handlers of the examples end it.
func runUntil(ctx context.Context, rdb *redis.Client, mux *queue.Mux, queues map[string]queue.QueueConfig) {
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{Queues: queues, Concurrency: 1})
	check(err)
	check(worker.Run(ctx))
}

func ExampleClient_Enqueue() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx := context.Background()

	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()

	welcome := Welcome{Email: "ada@example.org"}
	_, err = client.Enqueue(ctx, welcome) // on the queue "default", at once
	check(err)
	later, err := client.Enqueue(ctx, welcome,
		queue.On("mail"),
		queue.In(5*time.Minute),
		queue.MaxAttempts(5),
		queue.Timeout(30*time.Second),
		queue.Backoff(time.Second, time.Minute),
		queue.Retain(24*time.Hour),
	)
	check(err)
	fmt.Println(later.Kind, "on", later.Queue, "at once:", later.Due == nil)

	// A caller that does not know whether its call arrived repeats it.
	for range 2 {
		job, err := client.Enqueue(ctx, welcome, queue.On("mail"), queue.Unique("welcome:ada", time.Hour))
		check(err)
		fmt.Println("was there before:", job.Duplicate)
	}
	// Output:
	// mail.welcome on mail at once: false
	// was there before: false
	// was there before: true
}

// Calls that come one after the other are one job, which runs when they have ceased for a while.
func ExampleDebounce() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx := context.Background()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()
	for _, email := range []string{"ada@example.org", "ada@example.com"} {
		job, err := client.Enqueue(ctx, Welcome{Email: email}, queue.On("mail"), queue.In(30*time.Second),
			queue.UniqueUntilStarted("welcome:ada", queue.Debounce(5*time.Minute), queue.ReplaceData()))
		check(err)
		fmt.Println("was there before:", job.Duplicate, "and is later now:", job.Changed)
	}
	// Output:
	// was there before: false and is later now: false
	// was there before: true and is later now: true
}

func ExampleHandle() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	mux := queue.NewMux()
	queue.Handle(mux, func(ctx context.Context, job *queue.Job[Welcome]) error {
		fmt.Printf("attempt %d: welcome, %s\n", job.Attempt, job.Args.Email)
		cancel()
		return nil
	}, queue.Timeout(30*time.Second), queue.MaxAttempts(10))

	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()
	_, err = client.Enqueue(ctx, Welcome{Email: "ada@example.org"}, queue.On("mail"))
	check(err)

	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{"mail": {Weight: 5}, "reports": {Weight: 1}},
	})
	check(err)
	check(worker.Run(ctx)) // until ctx ends; then running handlers get the grace period
	// Output: attempt 1: welcome, ada@example.org
}

func ExampleMux_Use() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	mux := queue.NewMux()
	mux.Use(func(next queue.Handler) queue.Handler {
		return func(ctx context.Context, run *queue.Run) error {
			fmt.Println("before", run.Kind)
			err := next(ctx, run)
			fmt.Println("after", run.Kind)
			cancel()
			return err
		}
	})
	mux.HandleKind("report", func(ctx context.Context, _ *queue.Run) error {
		if run, ok := queue.FromContext(ctx); ok {
			fmt.Printf("running with %s\n", run.Data)
		}
		return nil
	})

	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()
	_, err = client.Enqueue(ctx, queue.JSON("report", []byte(`{"month":11}`)))
	check(err)
	runUntil(ctx, rdb, mux, map[string]queue.QueueConfig{queue.DefaultQueue: {}})
	// Output:
	// before report
	// running with {"month":11}
	// after report
}

// What a handler returns decides what becomes of the job.
func ExampleCancel() {
	mux := queue.NewMux()
	mux.HandleKind("import", func(_ context.Context, run *queue.Run) error {
		switch err := download(run.Data); {
		case errors.Is(err, errGone):
			return queue.Cancel(err) // dead at once: trying again cannot help
		case errors.Is(err, errNotYet):
			return queue.Snooze(time.Minute) // later, and no attempt is burned
		case errors.Is(err, errBusy):
			return queue.RetryIn(10*time.Second, err) // a failed attempt, retried when the server asked for it
		default:
			return err // nil: done; else a failed attempt, retried with the kind's backoff
		}
	})
}

var errGone, errNotYet, errBusy = errors.New("gone"), errors.New("not yet"), errors.New("busy")

func download([]byte) error { return nil }

func ExampleSnooze() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	ready := false
	mux := queue.NewMux()
	mux.HandleKind("ship", func(_ context.Context, run *queue.Run) error {
		if !ready {
			ready = true
			return queue.Snooze(time.Millisecond)
		}
		fmt.Println("shipped at attempt", run.Attempt)
		cancel()
		return nil
	})
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()
	_, err = client.Enqueue(ctx, queue.JSON("ship", []byte(`{}`)))
	check(err)
	runUntil(ctx, rdb, mux, map[string]queue.QueueConfig{queue.DefaultQueue: {}})
	// Output: shipped at attempt 1
}

// A stream that other programs write: each entry is a job of the binding's kind, its fields are the data.
func ExampleRaw() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	check(rdb.Do(ctx, "XADD", "orders:queue", "*", "order_id", "o-9", "cents", "500").Err()) // any program, any language

	mux := queue.NewMux()
	mux.HandleKind("order.placed", func(_ context.Context, run *queue.Run) error {
		fmt.Printf("%s\n", run.Data)
		cancel()
		return nil
	})
	runUntil(ctx, rdb, mux, map[string]queue.QueueConfig{
		"orders:queue": {Raw: &queue.Raw{Group: "orders:queue:group", Kind: "order.placed"}},
	})
	fmt.Println("entries left:", rdb.XLen(context.Background(), "orders:queue").Val())
	// Output:
	// {"order_id":"o-9","cents":"500"}
	// entries left: 0
}

// For consumers in another language: an entry of plain fields, on a stream that they read with a group of their own.
func ExampleClient_AddRaw() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx := context.Background()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()
	_, err = client.AddRaw(ctx, "invoices:queue", "order_id", "o-9", "cents", "500")
	check(err)
	entries, err := rdb.XRange(ctx, "invoices:queue", "-", "+").Result()
	check(err)
	fmt.Println(entries[0].Values["order_id"], entries[0].Values["cents"])
	// Output: o-9 500
}

func ExampleInspector() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx := context.Background()

	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()
	for n := range 3 {
		_, err = client.Enqueue(ctx, Welcome{}, queue.On("mail"), queue.In(time.Hour), queue.ID(fmt.Sprintf("w-%d", n)))
		check(err)
	}

	inspector, err := inspect.New(rdb, inspect.Config{})
	check(err)
	check(inspector.Delete(ctx, "mail", "w-1"))
	for page := (inspect.Page{Limit: 1}); ; {
		list, err := inspector.Search(ctx, "mail", inspect.Query{State: inspect.StateDelayed}, page)
		check(err)
		for _, job := range list.Jobs {
			fmt.Println(job.ID, job.Kind, job.State)
		}
		if page.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	info, err := inspector.Queue(ctx, "mail")
	check(err)
	fmt.Println("delayed:", info.Delayed, "deleted:", info.Totals.Deleted)
	// Output:
	// w-0 mail.welcome delayed
	// w-2 mail.welcome delayed
	// delayed: 2 deleted: 1
}
