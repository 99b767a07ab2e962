//go:build ignore

// This program wrote before-0.1.redis: the keys of a Redis 7.0 in which the queue package of commit 98d9684 had left
// jobs in every state. To write the file again, check that commit out, start an empty Redis 7.0 whose clock begins at
// 2026-01-02 03:04:05 UTC (libfaketime can do that), so that what was due or had a lease is long overdue whenever the
// file is read, and run there
//
//	go run <this directory>/*.go 127.0.0.1:6379 >before-0.1.redis
//
// IDs and names of consumers are random: they differ from one time to the next.
package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

const (
	raw    = "orders:queue"    // streams of other programs
	tagged = "shop:{7}:orders" // with a hash tag of its own
	years  = 10 * 365 * 24 * time.Hour
	trace  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

var clock = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

func now() time.Time { return clock }

type charge struct {
	Cents int64 `json:"cents"`
}

func (charge) Kind() string { return "payment.charge" }

// filler fills a Redis.
type filler struct {
	ctx     context.Context
	addr    string
	rdb     *redis.Client
	client  *queue.Client
	inspect *queue.Inspector
	began   chan string   // kinds of jobs whose handlers have begun, and block
	resume  chan struct{} // lets one handler of "wait" return
	alive   []*link       // of workers that have not ended
}

func main() {
	f := &filler{
		addr: os.Args[1], began: make(chan string), resume: make(chan struct{}),
		rdb: redis.NewClient(&redis.Options{Addr: os.Args[1], Protocol: 2}),
	}
	f.ctx = queue.WithActor(context.Background(), "ann@example.com")
	var err error
	f.client, err = queue.NewClient(f.rdb, queue.ClientConfig{Now: now})
	must(err)
	f.inspect, err = queue.NewInspector(f.rdb, queue.InspectorConfig{Now: now})
	must(err)
	f.outcomes()
	f.notStarted()
	f.crashes()
	f.held()
	f.paused()
	f.raw()
	for _, link := range f.alive {
		link.cut()
	}
	f.dump()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// link is a worker's connections, which can be cut: the worker is then as good as killed.
type link struct {
	mu    sync.Mutex
	conns []net.Conn
	isCut bool
}

func (l *link) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.isCut {
		_ = conn.Close()
		err = errors.New("cut")
	}
	l.conns = append(l.conns, conn)
	return conn, err
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	for _, conn := range l.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// work starts a worker on one queue.
func (f *filler) work(queueName string, cfg queue.WorkerConfig, binding *queue.Raw) (*queue.Worker, *link) {
	l := new(link)
	cfg.Queues = map[string]queue.QueueConfig{queueName: {Raw: binding}}
	cfg.Now, cfg.Rand = now, func() float64 { return 0.5 }
	w, err := queue.NewWorker(redis.NewClient(&redis.Options{Addr: f.addr, Dialer: l.dial}), f.mux(), cfg)
	must(err)
	must(w.Start(f.ctx))
	f.alive = append(f.alive, l)
	return w, l
}

func (f *filler) mux() *queue.Mux {
	mux := queue.NewMux()
	handle := func(kind string, handler func(ctx context.Context, run *queue.Run) error, opts ...queue.HandleOption) {
		mux.HandleKind(kind, handler, opts...)
	}
	queue.Handle(mux, func(context.Context, *queue.Job[charge]) error { return nil })
	handle("done", func(context.Context, *queue.Run) error { return nil })
	handle("keep", func(ctx context.Context, run *queue.Run) error {
		must(run.SetProgress(ctx, 75, "three quarters"))
		return run.SetResult(map[string]int{"sum": 42})
	})
	handle("broken", func(context.Context, *queue.Run) error {
		return queue.RetryIn(0, errors.New("gateway: 502"))
	}, queue.MaxAttempts(2))
	handle("fail", func(context.Context, *queue.Run) error { return errors.New("connection refused") },
		queue.Backoff(time.Hour, time.Hour))
	handle("snooze", func(context.Context, *queue.Run) error { return queue.Snooze(2 * time.Hour) })
	handle("cancel", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("card declined")) })
	handle("order.placed", func(_ context.Context, run *queue.Run) error {
		switch {
		case strings.Contains(string(run.Data), "retry"):
			return errors.New("out of stock")
		case strings.Contains(string(run.Data), "cancel"):
			return queue.Cancel(errors.New("no such item"))
		}
		return nil
	}, queue.Backoff(time.Hour, time.Hour))
	handle("hold", func(context.Context, *queue.Run) error {
		f.began <- "hold"
		select {}
	})
	handle("long", func(ctx context.Context, run *queue.Run) error {
		must(run.SetProgress(ctx, 12.5, "an eighth"))
		f.began <- "long"
		select {}
	})
	handle("wait", func(context.Context, *queue.Run) error {
		f.began <- "wait"
		<-f.resume
		return nil
	})
	return mux
}

func (f *filler) enqueue(on, kind, data string, opts ...queue.EnqueueOption) string {
	job, err := f.client.Enqueue(f.ctx, queue.JSON(kind, []byte(data)), append(opts, queue.On(on))...)
	must(err)
	return job.ID
}

// until waits until a queue is as it should be.
func (f *filler) until(queueName string, check func(queue.QueueInfo) bool) {
	for range time.Tick(10 * time.Millisecond) {
		if info, err := f.inspect.Queue(f.ctx, queueName); err == nil && check(info) {
			return
		}
	}
}

// outcomes leaves jobs that were run.
func (f *filler) outcomes() {
	const on = "orders"
	w, _ := f.work(on, queue.WorkerConfig{Name: "outcomes", Concurrency: 2}, nil)
	f.enqueue(on, "done", `{"n":1}`)
	f.enqueue(on, "keep", `{"n":2}`, queue.ID("keep-1"), queue.Unique("keep", years), queue.Retain(years),
		queue.Trace(trace), queue.RequestID("req-2"))
	f.enqueue(on, "broken", `{"n":3}`, queue.Unique("set-free", years))
	f.enqueue(on, "cancel", `{"n":4,"note":"5 € \u0000"}`)
	f.enqueue(on, "payment.charge", `{"cents":"x"}`)
	f.enqueue(on, "nobody.knows", `{"n":6}`, queue.RequestID("req-6"))
	must(f.rdb.Do(f.ctx, "XADD", "navvy:{orders}", "*",
		"id", "damaged", "kind", "done", "data", `{"n":7}`, "meta", "{").Err())
	f.enqueue(on, "fail", `{"n":8}`)
	f.enqueue(on, "fail", `{"n":9}`, queue.ID("fail-1"), queue.Unique("fail", years), queue.MaxAttempts(9),
		queue.Timeout(time.Minute), queue.Backoff(2*time.Hour, 3*time.Hour), queue.Retain(years), queue.Trace(trace))
	buried := f.enqueue(on, "fail", `{"n":10}`)
	f.enqueue(on, "snooze", `{"n":11}`)
	f.until(on, func(info queue.QueueInfo) bool {
		return info.Waiting+info.InFlight == 0 && info.Dead == 5 && info.Retrying == 3 && info.Totals.Snoozed == 1
	})
	must(f.inspect.Bury(f.ctx, on, buried))
	twice := f.enqueue(on, "cancel", `{"n":12}`)
	f.until(on, func(info queue.QueueInfo) bool { return info.Dead == 7 })
	must(f.inspect.Requeue(f.ctx, on, twice))
	f.until(on, func(info queue.QueueInfo) bool { return info.Dead == 7 && info.Totals.Requeued == 1 })
	must(w.Stop(f.ctx))
}

// notStarted leaves jobs that no worker has seen.
func (f *filler) notStarted() {
	const on = "orders"
	f.enqueue(on, "plain", `{"n":20}`)
	f.enqueue(on, "chosen", `{"n":21}`, queue.ID("chosen-1"))
	f.enqueue(on, "guarded", `{"n":22}`, queue.Unique("guarded", years))
	f.enqueue(on, "policy", `{"n":23}`, queue.MaxAttempts(3), queue.Timeout(90*time.Second),
		queue.Backoff(time.Second, time.Minute), queue.Trace(trace), queue.RequestID("req-23"))
	f.enqueue(on, "later", `{"n":24}`, queue.In(time.Hour))
	f.enqueue(on, "later", `{"n":25,"text":"ä\n"}`, queue.At(clock.Add(24*time.Hour)), queue.ID("later-1"),
		queue.Unique("later", years), queue.MaxAttempts(1), queue.RequestID("req-25"))
	must(f.inspect.Cancel(f.ctx, on, f.enqueue(on, "unwanted", `{"n":26}`)))
	must(f.inspect.Cancel(f.ctx, on, f.enqueue(on, "unwanted", `{"n":27}`, queue.In(time.Hour), queue.MaxAttempts(4))))
	must(f.inspect.Delete(f.ctx, on, f.enqueue(on, "deleted", `{"n":28}`)))
	must(f.inspect.Delete(f.ctx, on, f.enqueue(on, "deleted", `{"n":29}`, queue.At(clock.Add(time.Hour)))))
}

// crashes leaves a job that has killed three workers, two that were taken from dead ones and are parked, and one in the
// hands of a living worker that was asked to take no more.
func (f *filler) crashes() {
	const on = "crashes"
	lethal := func(name string, slots, jobs int) {
		cfg := queue.WorkerConfig{Name: name, Concurrency: slots, ReadAhead: -1, Lease: 500 * time.Millisecond}
		_, link := f.work(on, cfg, nil)
		for range jobs {
			<-f.began
		}
		link.cut()
	}
	f.enqueue(on, "hold", `{"n":30}`)
	for _, name := range []string{"first", "second", "third"} {
		lethal(name, 1, 1)
	}
	w, _ := f.work(on, queue.WorkerConfig{Name: "fourth", Lease: 500 * time.Millisecond}, nil)
	f.until(on, func(info queue.QueueInfo) bool { return info.Dead == 1 })
	must(w.Stop(f.ctx))

	f.enqueue(on, "hold", `{"n":31}`)
	lethal("fifth", 1, 1)
	f.enqueue(on, "hold", `{"n":32}`)
	lethal("sixth", 2, 2)
	f.enqueue(on, "hold", `{"n":33}`)
	f.work(on, queue.WorkerConfig{Name: "holder", Concurrency: 1, ReadAhead: -1}, nil)
	<-f.began
	f.until(on, func(info queue.QueueInfo) bool { return info.Workers == 1 })
	workers, err := f.inspect.Workers(f.ctx, on)
	must(err)
	must(f.inspect.Tell(f.ctx, on, workers[0].Name, queue.OrderQuiet))
	for range time.Tick(10 * time.Millisecond) {
		if workers, err = f.inspect.Workers(f.ctx, on); err == nil && workers[0].State == queue.WorkerQuiet {
			return
		}
	}
}

// held leaves jobs with a living worker: two that have started, of which one was cancelled and goes on, and two that it
// has read ahead.
func (f *filler) held() {
	const on = "held"
	cancelled := f.enqueue(on, "long", `{"n":40}`)
	f.enqueue(on, "hold", `{"n":41}`, queue.MaxAttempts(7), queue.ID("held-1"))
	f.enqueue(on, "ahead", `{"n":42}`)
	f.enqueue(on, "ahead", `{"n":43}`, queue.Unique("ahead", years))
	f.work(on, queue.WorkerConfig{Name: "holder", Concurrency: 2, ReadAhead: 2}, nil)
	<-f.began
	<-f.began
	f.until(on, func(info queue.QueueInfo) bool { return info.InFlight == 4 })
	must(f.inspect.Cancel(f.ctx, on, cancelled))
	for range time.Tick(10 * time.Millisecond) { // its handler ignores that
		if workers, err := f.inspect.Workers(f.ctx, on); err == nil && workers[0].Stuck == 1 {
			return
		}
	}
}

// paused leaves a paused queue whose worker has handed back what it had read ahead.
func (f *filler) paused() {
	const on = "paused"
	f.enqueue(on, "wait", `{"n":50}`)
	f.enqueue(on, "released", `{"n":51}`)
	f.enqueue(on, "released", `{"n":52}`, queue.RequestID("req-52"))
	w, _ := f.work(on, queue.WorkerConfig{Name: "paused", Concurrency: 1, ReadAhead: 2}, nil)
	<-f.began
	f.until(on, func(info queue.QueueInfo) bool { return info.InFlight == 3 })
	must(f.inspect.Pause(f.ctx, on))
	for range time.Tick(10 * time.Millisecond) {
		page, err := f.inspect.InFlight(f.ctx, on, queue.Page{})
		if err == nil && page.Jobs[1].Worker == "~released" && page.Jobs[2].Worker == "~released" {
			break
		}
	}
	f.enqueue(on, "plain", `{"n":53}`)
	go func() { must(w.Stop(f.ctx)) }()
	f.resume <- struct{}{}
	<-w.Stopped()
}

// raw leaves entries of other programs: dead, retrying, in the hands of another program, and waiting.
func (f *filler) raw() {
	for stream, binding := range map[string]*queue.Raw{
		raw: {Kind: "order.placed"}, tagged: {Kind: "order.placed", Group: "billing"},
	} {
		add := func(fields ...string) {
			_, err := f.client.AddRaw(f.ctx, stream, fields...)
			must(err)
		}
		w, _ := f.work(stream, queue.WorkerConfig{Name: "raw", Concurrency: 1}, binding)
		add("order_id", "o-60", "then", "done")
		add("order_id", "o-61", "then", "cancel")
		add("order_id", "o-62", "then", "retry", "note", "\x00\"\xff")
		f.until(stream, func(info queue.QueueInfo) bool {
			return info.Dead == 1 && info.Retrying == 1 && info.Totals.Done == 1
		})
		must(w.Stop(f.ctx))
		add("order_id", "o-63")
		add("z", "o-64", "a", "\x01\xfe")
		group := "workers"
		if binding.Group != "" {
			group = binding.Group
		}
		must(f.rdb.Do(f.ctx, "XREADGROUP", "GROUP", group, "legacy-1", "COUNT", 1, "STREAMS", stream, ">").Err())
	}
}
