package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// What an operator does beside the actions of the queue.
const (
	orderPause  = "pause"
	orderResume = "resume"
	orderStop   = "stop"
)

// What answer the operator got, in the code of an order's line.
const (
	orderDone    = 0
	orderRefused = 1 // nothing has changed
	orderUnknown = 2
)

const (
	orderEvery   = 200 * time.Millisecond // on average
	operatorName = "the operator"
	operatorProc = "operator"
)

// operator is a person at the dashboard while everything goes wrong: it pauses and resumes queues, stops workers, and
// cancels, buries, releases, requeues and runs jobs now, one by one and all that match. It writes down the answers.
type operator struct {
	inspect *inspect.Inspector
	rdb     *redis.Client
	book    *ledger
	lease   time.Duration
	paused  map[string]time.Time // queue → when it is resumed
}

// newOperator opens a connection that repeats nothing: a repeated call would find nothing to do.
func newOperator(addr string, lease time.Duration, book *ledger) (*operator, error) {
	rdb := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true})
	inspector, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		_ = rdb.Close()
		return nil, err
	}
	return &operator{inspect: inspector, rdb: rdb, book: book, lease: lease, paused: map[string]time.Time{}}, nil
}

// duty is something an operator does now and then.
type duty struct {
	share int
	do    func(o *operator, ctx context.Context, rng *rand.Rand, name string)
}

var goingOn = []inspect.State{inspect.StateWaiting, inspect.StateInFlight, inspect.StateDelayed, inspect.StateRetrying}

var duties = []duty{
	{1, (*operator).pause},
	{1, (*operator).stop},
	{9, func(o *operator, ctx context.Context, rng *rand.Rand, name string) {
		o.pick(ctx, rng, name, inspect.Query{State: goingOn[rng.IntN(4)]}, inspect.ActionCancel)
	}},
	{4, func(o *operator, ctx context.Context, rng *rand.Rand, name string) {
		o.pick(ctx, rng, name, inspect.Query{State: goingOn[rng.IntN(4)]}, inspect.ActionBury)
	}},
	{6, func(o *operator, ctx context.Context, rng *rand.Rand, name string) {
		o.pick(ctx, rng, name, byOperator[rng.IntN(len(byOperator))], inspect.ActionRequeue)
	}},
	{3, func(o *operator, ctx context.Context, rng *rand.Rand, name string) {
		o.pick(ctx, rng, name, inspect.Query{State: goingOn[2+rng.IntN(2)]}, inspect.ActionRunNow)
	}},
	{2, func(o *operator, ctx context.Context, rng *rand.Rand, name string) {
		o.pick(ctx, rng, name, inspect.Query{State: inspect.StateInFlight}, inspect.ActionRelease)
	}},
	{1, func(o *operator, ctx context.Context, rng *rand.Rand, name string) {
		o.sweep(ctx, name, inspect.Query{State: goingOn[rng.IntN(4)], Kind: kindDoomed}, inspect.ActionCancel)
	}},
	{1, func(o *operator, ctx context.Context, _ *rand.Rand, name string) {
		for _, query := range byOperator {
			o.sweep(ctx, name, query, inspect.ActionRequeue)
		}
	}},
	{1, func(o *operator, ctx context.Context, _ *rand.Rand, name string) {
		o.sweep(ctx, name, inspect.Query{State: inspect.StateRetrying}, inspect.ActionRunNow)
	}},
	{1, func(o *operator, ctx context.Context, _ *rand.Rand, name string) {
		o.sweep(ctx, name, inspect.Query{State: inspect.StateInFlight, Preset: inspect.PresetOrphaned}, inspect.ActionRelease)
	}},
}

// byOperator is what the operator has buried or cancelled.
var byOperator = [...]inspect.Query{
	{State: inspect.StateDead, Error: "cancelled by " + operatorName},
	{State: inspect.StateCancelled, Error: "cancelled by " + operatorName},
}

// run gives orders until ctx ends, and resumes what it has paused.
func (o *operator) run(ctx context.Context, rng *rand.Rand) {
	work := inspect.WithActor(context.WithoutCancel(ctx), operatorName)
	sum := 0
	for _, d := range duties {
		sum += d.share
	}
	for pause.For(ctx, time.Duration(rng.ExpFloat64()*float64(orderEvery))) {
		o.resume(work, func(due time.Time) bool { return time.Now().After(due) })
		n, name := rng.IntN(sum), pickQueue(rng)
		for _, d := range duties {
			if n -= d.share; n < 0 {
				call, cancel := context.WithTimeout(work, callLimit)
				d.do(o, call, rng, name)
				cancel()
				break
			}
		}
	}
	for tries := 0; len(o.paused) > 0 && tries < 100; tries++ {
		o.resume(work, func(time.Time) bool { return true })
		pause.For(work, 100*time.Millisecond)
	}
	_ = o.rdb.Close()
}

// order carries an order out, and writes down what became of it.
func (o *operator) order(l line, carryOut func() error) (told int) {
	l.Said, l.Proc, l.At = saidOrder, operatorProc, time.Now().UnixNano()
	err := carryOut()
	l.Until = time.Now().UnixNano()
	switch {
	case err == nil:
	case errors.Is(err, inspect.ErrNotFound), errors.Is(err, inspect.ErrNotSeen), errors.Is(err, inspect.ErrHeld):
		l.Code, l.Note = orderRefused, err.Error()
	default:
		l.Code, l.Note = orderUnknown, err.Error()
	}
	o.book.write(l)
	return l.Code
}

func (o *operator) pause(ctx context.Context, rng *rand.Rand, name string) {
	if _, already := o.paused[name]; already {
		return
	}
	told := o.order(line{Order: orderPause, Queue: name}, func() error { return o.inspect.Pause(ctx, name) })
	if told != orderRefused {
		o.paused[name] = time.Now().Add(between(rng, o.lease/5, 3*o.lease))
	}
}

// stop lets a worker end in good order; the fleet puts another in its place.
func (o *operator) stop(ctx context.Context, rng *rand.Rand, name string) {
	workers, err := o.inspect.Workers(ctx, name)
	if err != nil || len(workers) == 0 {
		return // Redis is away
	}
	w := workers[rng.IntN(len(workers))]
	o.order(line{Order: orderStop, Queue: name, Consumer: w.Name},
		func() error { return o.inspect.CommandWorker(ctx, name, w.Name, inspect.CommandStop) })
}

func (o *operator) resume(ctx context.Context, isDue func(time.Time) bool) {
	for name, due := range o.paused {
		if !isDue(due) {
			continue
		}
		call, cancel := context.WithTimeout(ctx, callLimit)
		told := o.order(line{Order: orderResume, Queue: name}, func() error { return o.inspect.Resume(call, name) })
		cancel()
		if told == orderDone {
			delete(o.paused, name)
		}
	}
}

// pick acts on one of the jobs that match, drawn from the first of them.
func (o *operator) pick(ctx context.Context, rng *rand.Rand, name string, query inspect.Query, action inspect.Action) {
	found, err := o.inspect.Search(ctx, name, query, inspect.Page{Limit: 50})
	if err != nil {
		return // Redis is away
	}
	jobs := slices.DeleteFunc(found.Jobs, func(job inspect.JobInfo) bool { return job.Kind == kindUnique })
	if len(jobs) == 0 {
		return
	}
	job := jobs[rng.IntN(len(jobs))]
	act := map[inspect.Action]func(ctx context.Context, queue, id string) error{
		inspect.ActionCancel: o.inspect.Cancel, inspect.ActionBury: o.inspect.Bury, inspect.ActionRequeue: o.inspect.Requeue,
		inspect.ActionRunNow: o.inspect.RunNow, inspect.ActionRelease: o.inspect.Release,
	}[action]
	o.order(line{Order: string(action), Queue: name, ID: job.ID}, func() error { return act(ctx, name, job.ID) })
}

// sweep acts on all jobs that match.
func (o *operator) sweep(ctx context.Context, name string, query inspect.Query, action inspect.Action) {
	o.order(line{Order: string(action), Queue: name, Kind: query.Kind}, func() error {
		_, err := o.inspect.Act(ctx, name, query, action, nil)
		return err
	})
}
