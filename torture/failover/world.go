package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// world is a deployment of Redis under load, and all that watches it.
type world struct {
	name   string
	queues []string // of the producers
	open   func(side string) redis.UniversalClient
	nears  bool   // there are clients on a near side
	only   string // texts, with commas between: those steps are done in whose names one is
	out    io.Writer

	book    *ledger
	tick    *ticker
	probe   *probe
	steps   []*step
	bares   []*bare
	clients []redis.UniversalClient
	senders []*queue.Client
	manager *lockmgr.Manager
	locks   locks
	fleet   *fleet
	shop    *shop
	watch   *watch
	inspect *inspect.Inspector

	producing sync.WaitGroup
	watching  sync.WaitGroup
	cancel    []context.CancelFunc
}

const (
	warmUp    = 2 * time.Second
	drainTime = time.Minute
)

// play puts the deployment under load, does what steps do to it, and judges.
func (w *world) play(ctx context.Context, steps func(context.Context) error) (rows []*row, beside *aside, err error) {
	w.book, w.tick = newLedger(), &ticker{}
	if err := w.begin(ctx); err != nil {
		return nil, nil, errors.Join(err, w.end(ctx))
	}
	producing, stop := context.WithCancel(ctx)
	w.produce(producing)
	err = w.step(ctx, "nothing", "", func(*step) error { pause.For(ctx, warmUp); return nil })
	if err == nil {
		err = steps(ctx)
	}
	stop()
	w.producing.Wait()
	if err != nil {
		return nil, nil, errors.Join(err, w.end(ctx))
	}
	beside = &aside{Where: w.name}
	rows, err = w.judge(ctx, beside)
	return rows, beside, errors.Join(err, w.end(ctx))
}

func (w *world) client(side string) redis.UniversalClient {
	rdb := w.open(side)
	w.clients = append(w.clients, rdb)
	return rdb
}

// begin opens all that takes part.
func (w *world) begin(ctx context.Context) (err error) {
	if w.inspect, err = inspect.New(w.client(""), inspect.Config{}); err != nil {
		return err
	}
	if w.shop, err = openShop(ctx, w.client("")); err != nil {
		return err
	}
	if w.watch, err = openWatch(w.client("")); err != nil {
		return err
	}
	w.manager = lockmgr.New(w.client(""))
	queues := map[string]queue.QueueConfig{payQueue: {}}
	for _, name := range w.queues {
		queues[name] = queue.QueueConfig{}
	}
	w.fleet = &fleet{book: w.book, queues: queues, service: w.shop.service, open: w.open, nears: w.nears}
	if err := w.fleet.start(ctx); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	w.cancel = append(w.cancel, stop)
	w.watching.Go(func() { w.tick.run(watching) })
	w.watching.Go(func() { w.probe.run(watching) })
	w.watching.Go(func() { w.watch.run(watching) })
	return nil
}

// produce starts the load.
func (w *world) produce(ctx context.Context) {
	sender := func(side string) *queue.Client {
		client, err := queue.NewClient(w.client(side), queue.ClientConfig{})
		if err != nil {
			panic(err) // its configuration is constant
		}
		w.senders = append(w.senders, client)
		return client
	}
	load := func(client *queue.Client, b *bare, name, side string, producers, withReplica int) {
		for n := range producers {
			p := &producer{book: w.book, client: client, queue: name, side: side, durable: n < withReplica,
				name: fmt.Sprintf("%s%s%d", side, name, n)}
			phase := everyCall * time.Duration(n) / time.Duration(producers)
			w.producing.Go(func() { p.run(ctx, phase) })
			w.producing.Go(func() { b.run(ctx, p.name, name, phase) })
		}
	}
	client, b := sender(""), &bare{rdb: w.client(""), acked: map[string]map[string]int64{}}
	w.bares = append(w.bares, b)
	for _, name := range w.queues {
		load(client, b, name, "", plain+durable, durable)
	}
	if w.nears {
		client, b := sender(near), &bare{rdb: w.client(near), acked: map[string]map[string]int64{}}
		w.bares = append(w.bares, b)
		load(client, b, w.queues[0], near, 3, 1)
	}
	w.producing.Go(func() { w.shop.run(ctx, client) })
	for range 2 {
		w.producing.Go(func() { w.locks.run(ctx, w.manager, "{"+w.queues[0]+"}taken in turns") })
	}
}

// step does something to Redis.
func (w *world) step(ctx context.Context, name, queue string, do func(*step) error) error {
	if len(w.steps) > 0 && !slices.ContainsFunc(strings.Split(w.only, ","), func(text string) bool {
		return strings.Contains(name, text)
	}) {
		return nil
	}
	s := &step{name: name, queue: queue, begin: now()}
	if s.queue == "" {
		s.queue = w.queues[0]
	}
	w.steps = append(w.steps, s)
	fmt.Fprintf(w.out, "failover: %s: %s\n", w.name, name)
	err := do(s)
	s.end = now()
	if err != nil {
		return fmt.Errorf("failover: %s: %s: %w", w.name, name, err)
	}
	return ctx.Err()
}

// judge waits until all is done that can be, and holds what is there against the ledger.
func (w *world) judge(ctx context.Context, beside *aside) ([]*row, error) {
	left := w.drain(ctx)
	pause.For(ctx, fresh) // the dashboard shows the last of it
	for _, stop := range w.cancel {
		stop()
	}
	w.cancel = nil
	w.watching.Wait()
	if err := w.fleet.stop(ctx); err != nil {
		beside.problem("workers did not stop: %v", err)
	}
	if left != nil {
		beside.problem("%v", left)
	}
	j := &judge{book: w.book, steps: w.steps, late: w.tick.worst, without: w.probe.without, lease: queue.DefaultLease,
		dead: map[string]bool{}}
	for _, s := range w.steps {
		w.probe.widen(s)
	}
	rdb := w.client("")
	for _, b := range w.bares {
		writes, err := b.account(ctx, rdb)
		if err != nil {
			return nil, err
		}
		j.bare = append(j.bare, writes...)
	}
	if err := w.verify(ctx, beside, j); err != nil {
		return nil, err
	}
	w.shop.judge(ctx, beside)
	w.locks.judge(beside, j)
	w.watch.judge(beside, j, w.queues, j.outcomesLost())
	return j.rows(), nil
}

// drain waits until no queue has anything left to do.
func (w *world) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for {
		left, err := w.left(ctx)
		if err == nil && len(left) == 0 {
			return nil
		}
		if !pause.For(ctx, 100*time.Millisecond) {
			return fmt.Errorf("after %s there is still something to do: %s (%v)", drainTime, strings.Join(left, "; "), err)
		}
	}
}

func (w *world) left(ctx context.Context) (left []string, err error) {
	for _, name := range append([]string{payQueue}, w.queues...) {
		q, err := w.inspect.Queue(ctx, name)
		if err != nil {
			return nil, err
		}
		if q.Waiting+q.InFlight+q.Delayed+q.Retrying > 0 {
			left = append(left, fmt.Sprintf("%s has %d waiting, %d in flight, %d delayed, %d retrying", name, q.Waiting,
				q.InFlight, q.Delayed, q.Retrying))
		}
	}
	return left, nil
}

// verify finds whether the books of all queues are in order, and which jobs are dead.
func (w *world) verify(ctx context.Context, beside *aside, j *judge) error {
	for _, name := range append([]string{payQueue}, w.queues...) {
		audit, err := w.inspect.Verify(ctx, name, nil)
		if err != nil {
			return err
		}
		if !audit.OK() {
			beside.problem("the books of queue %s are not in order: %+v", name, audit)
		}
		dead, err := w.inspect.Search(ctx, name, inspect.Query{State: inspect.StateDead}, inspect.Page{Limit: 1000})
		if err != nil {
			return err
		}
		for _, job := range dead.Jobs {
			j.dead[job.ID] = true
			beside.problem("job %s of queue %s is dead: %s; %s", job.ID, name, job.Reason, job.Error)
		}
	}
	return nil
}

// end closes what begin opened.
func (w *world) end(ctx context.Context) error {
	for _, stop := range w.cancel {
		stop()
	}
	w.watching.Wait()
	var errs []error
	if w.fleet != nil {
		errs = append(errs, w.fleet.stop(ctx))
	}
	if w.watch != nil {
		errs = append(errs, w.watch.close())
	}
	if w.shop != nil {
		errs = append(errs, w.shop.close())
	}
	if w.manager != nil {
		w.manager.Close()
	}
	for _, sender := range w.senders {
		errs = append(errs, sender.Close())
	}
	for _, rdb := range w.clients {
		_ = rdb.Close()
	}
	return errors.Join(errs...)
}
