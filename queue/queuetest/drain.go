package queuetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// DrainTimeout is how long [Drain] works at the most.
const DrainTimeout = 30 * time.Second

// Drain runs a worker until nothing is left to do in its queues, stops it, and returns what happened. It fails the test
// when that takes longer than [DrainTimeout] or tb's context lasts, and says what is left.
//
// Without cfg.Now it waits for jobs that are retrying or snoozed until they are due, and leaves those that were
// enqueued with a delay and are not due yet. With cfg.Now, such as a [Clock], it leaves every job that is not due by
// it: advance the clock and drain again. A job of a kind without a handler is dead at once, unless the queue's
// configuration says how long it waits for a worker that has one: here there is no other.
func Drain(tb testing.TB, rdb redis.UniversalClient, mux *queue.Mux, cfg queue.WorkerConfig) Events {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), DrainTimeout)
	defer cancel()
	rec := &recorder{}
	if cfg.Observer == nil {
		cfg.Observer = rec
	} else {
		cfg.Observer = queue.Observers{rec, cfg.Observer}
	}
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: cfg.Namespace})
	if err != nil {
		tb.Fatalf("queuetest: drain: %v", err)
	}
	cfg.Queues = knowingAllKinds(cfg.Queues)
	worker, err := queue.NewWorker(rdb, mux, cfg)
	if err != nil {
		tb.Fatalf("queuetest: drain: %v", err)
	}
	d := &drain{inspector: inspector, queues: slices.Sorted(maps.Keys(cfg.Queues)), now: cfg.Now}
	err = worker.Start(ctx)
	if err == nil {
		err = d.wait(ctx)
	}
	if err != nil {
		if running := rec.all().running(); len(running) > 0 {
			err = fmt.Errorf("%w; started and not ended: %s", err, strings.Join(running, ", "))
		}
		stopped, abort := context.WithCancel(context.Background())
		abort() // at once: handlers that are left have their contexts cancelled
		tb.Fatalf("queuetest: drain: %v", errors.Join(err, worker.Stop(stopped)))
	}
	if err := worker.Stop(ctx); err != nil {
		tb.Fatalf("queuetest: drain: %v", err)
	}
	return rec.all()
}

// knowingAllKinds lets jobs of unknown kinds wait for nobody, where it is not said for how long they wait.
func knowingAllKinds(queues map[string]queue.QueueConfig) map[string]queue.QueueConfig {
	queues = maps.Clone(queues)
	for name, cfg := range queues {
		if cfg.UnknownFor == 0 {
			cfg.UnknownFor = -1
			queues[name] = cfg
		}
	}
	return queues
}

// drain looks at queues until nothing in them is left to do.
type drain struct {
	inspector *inspect.Inspector
	queues    []string
	now       func() time.Time // nil: the real time, which passes by itself
	seen      string           // what the last look saw, for the failure
}

const lookEvery = 10 * time.Millisecond

// wait returns when two looks in a row have found nothing to do and no counter changed between them: at one look alone,
// a job on its way from one place to another may be in neither.
func (d *drain) wait(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var before []inspect.Totals // of the last look, if it found nothing to do
	for {
		totals, empty, err := d.look(ctx)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("not done in time: %w; left: %s", context.Cause(ctx), d.left(ctx))
		case err != nil:
			return err
		case !empty:
			before = nil
		case before != nil && slices.Equal(before, totals):
			return nil
		default:
			before = totals
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// left says what is in the queues when the time is over.
func (d *drain) left(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, _, err := d.look(ctx); err != nil {
		return err.Error()
	}
	return d.seen
}

// look reports whether nothing is left to do.
func (d *drain) look(ctx context.Context) (totals []inspect.Totals, empty bool, err error) {
	seen, empty := make([]string, 0, len(d.queues)), true
	for _, name := range d.queues {
		info, err := d.inspector.Queue(ctx, name)
		if err != nil {
			return nil, false, err
		}
		totals = append(totals, info.Totals)
		due, err := d.due(ctx, &info)
		if err != nil {
			return nil, false, err
		}
		if due || info.Waiting > 0 || info.InFlight > 0 {
			empty = false
		}
		text := fmt.Sprintf("queue %s: %d waiting, %d in flight, %d retrying, %d delayed",
			name, info.Waiting, info.InFlight, info.Retrying, info.Delayed)
		if info.Paused != nil {
			text += ", paused"
		}
		seen = append(seen, text)
	}
	d.seen = strings.Join(seen, "; ")
	return totals, empty, nil
}

// due reports whether a delayed or retrying job is to be waited for: the first of each list is the next one due.
func (d *drain) due(ctx context.Context, info *inspect.QueueInfo) (bool, error) {
	if info.Retrying > 0 && d.now == nil {
		return true, nil
	}
	now := time.Now()
	if d.now != nil {
		now = d.now()
	}
	for state, count := range map[inspect.State]int64{
		inspect.StateDelayed: info.Delayed, inspect.StateRetrying: info.Retrying,
	} {
		if count == 0 {
			continue
		}
		page, err := d.inspector.Search(ctx, info.Name, inspect.Query{State: state}, inspect.Page{Limit: 1})
		if err != nil {
			return false, err
		}
		for _, job := range page.Jobs {
			if job.Due == nil || !job.Due.After(now) {
				return true, nil
			}
		}
	}
	return false, nil
}
