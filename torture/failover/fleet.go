package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	workers     = 3
	concurrency = 30
	stopLimit   = 15 * time.Second
)

// fleet is some workers, each with a client of its own, as in processes of their own.
type fleet struct {
	book    *ledger
	queues  map[string]queue.QueueConfig
	open    func(side string) redis.UniversalClient
	nears   bool                              // the first worker is on the near side
	service interface{ Register(*queue.Mux) } // of payments

	clients []redis.UniversalClient
	workers []*queue.Worker
}

// start starts all workers.
func (f *fleet) start(ctx context.Context) error {
	for n := range workers {
		side := ""
		if n == 0 && f.nears {
			side = near
		}
		rdb := f.open(side)
		f.clients = append(f.clients, rdb)
		worker, err := queue.NewWorker(rdb, f.mux(side), queue.WorkerConfig{
			Queues: f.queues, Concurrency: concurrency, Grace: 2 * time.Second, Name: fmt.Sprintf("w%d", n+1), Observer: f.book,
			MaxCrashes: 100, // the point is what becomes of jobs, not that they are given up
		})
		if err != nil {
			return err
		}
		if err := worker.Start(ctx); err != nil {
			return err
		}
		f.workers = append(f.workers, worker)
	}
	return nil
}

// stop stops all workers in good order.
func (f *fleet) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	errs := make([]error, len(f.workers))
	for i, worker := range f.workers {
		errs[i] = worker.Stop(ctx)
	}
	for _, rdb := range f.clients {
		_ = rdb.Close()
	}
	f.workers, f.clients = nil, nil
	return errors.Join(errs...)
}

func (f *fleet) mux(side string) *queue.Mux {
	mux := queue.NewMux()
	f.service.Register(mux)
	mux.HandleKind(kindWork, func(ctx context.Context, r *queue.Run) error {
		started := f.book.begins(r, side)
		err := work(ctx, r)
		how := endedDone
		switch {
		case err == nil:
		case errors.Is(context.Cause(ctx), queue.ErrLeaseLost):
			how = endedLost
		case errors.Is(context.Cause(ctx), queue.ErrStopping):
			how = endedReleased
		default:
			how = endedFailed
		}
		f.book.ends(r.Queue, started, how)
		return err
	}, queue.Backoff(100*time.Millisecond, time.Second))
	return mux
}

// work is what a handler does.
func work(ctx context.Context, r *queue.Run) error {
	var t task
	if err := json.Unmarshal(r.Data, &t); err != nil {
		return err
	}
	if t.Fails != "" && r.Attempt == 1 {
		return errors.New(t.Fails)
	}
	if !pause.For(ctx, t.Sleep) {
		return context.Cause(ctx)
	}
	return nil
}
