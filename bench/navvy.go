package main

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// navvy is this project, with its defaults: IDs, leases, retries, fenced outcomes, totals.
type navvy struct {
	rdb       *redis.Client
	data      *payloads
	client    *queue.Client
	inspector *inspect.Inspector
	worker    *queue.Worker
}

const navvyQueue = "bench"

func openNavvy(_ context.Context, s store, data *payloads) (system, error) {
	n, err := startNavvy(s, data)
	return inProcess{library: n, hasBulk: true}, err
}

func startNavvy(s store, data *payloads) (*navvy, error) {
	rdb := s.(*redisServer).client()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		return nil, errors.Join(err, rdb.Close())
	}
	inspector, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		return nil, errors.Join(err, client.Close(), rdb.Close())
	}
	return &navvy{rdb: rdb, data: data, client: client, inspector: inspector}, nil
}

func (n *navvy) close(ctx context.Context) error {
	var stopped error
	if n.worker != nil {
		stopped = n.worker.Stop(ctx)
	}
	return errors.Join(stopped, n.client.Close(), n.rdb.Close())
}

func (n *navvy) enqueue(ctx context.Context, number int) error {
	_, err := n.client.Enqueue(ctx, n.data.args(number), queue.On(navvyQueue))
	return err
}

func (n *navvy) fill(ctx context.Context, jobs int) error {
	const batch = 500
	onQueue := []queue.EnqueueOption{queue.On(navvyQueue)}
	for number := 0; number < jobs; {
		items := make([]queue.Item, min(jobs-number, batch))
		for i := range items {
			items[i] = queue.Item{Args: n.data.args(number), Options: onQueue}
			number++
		}
		if _, err := n.client.EnqueueMany(ctx, items); err != nil {
			return err
		}
	}
	return nil
}

func (n *navvy) consume(ctx context.Context, handle func(n int)) error {
	mux := queue.NewMux()
	queue.Handle(mux, func(_ context.Context, job *queue.Job[noop]) error {
		handle(job.Args.number())
		return nil
	})
	return n.start(ctx, mux)
}

func (n *navvy) start(ctx context.Context, mux *queue.Mux) error {
	worker, err := queue.NewWorker(n.rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{navvyQueue: {}}, Concurrency: slots,
	})
	if err != nil {
		return err
	}
	if err := worker.Start(ctx); err != nil {
		return err
	}
	n.worker = worker
	return nil
}

func (n *navvy) drained(ctx context.Context) (bool, error) {
	info, err := n.inspector.Queue(ctx, navvyQueue)
	return info.Waiting+info.InFlight+info.Delayed+info.Retrying+info.Dead == 0, err
}
