package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// navvy is this project, with its defaults: IDs, leases, retries, fenced outcomes, totals.
type navvy struct{}

const navvyQueue = "bench"

// noop is the job: its JSON is the payload.
type noop struct {
	Pad string `json:"pad"`
}

// Kind names the handler.
func (noop) Kind() string { return "bench.noop" }

func (navvy) name() string { return "navvy" }

type navvyProducer struct {
	client *queue.Client
	args   noop
}

func (navvy) producer(rdb *redis.Client) (producer, error) {
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		return nil, err
	}
	p := &navvyProducer{client: client}
	return p, json.Unmarshal(payload, &p.args)
}

func (p *navvyProducer) enqueue(ctx context.Context) error {
	_, err := p.client.Enqueue(ctx, p.args, queue.On(navvyQueue))
	return err
}

func (p *navvyProducer) close() error { return p.client.Close() }

func (navvy) fill(ctx context.Context, rdb *redis.Client, n int) error {
	const batch = 500
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		return err
	}
	item := queue.Item{Args: queue.JSON(noop{}.Kind(), payload), Options: []queue.EnqueueOption{queue.On(navvyQueue)}}
	for n > 0 && err == nil {
		items := make([]queue.Item, min(n, batch))
		for i := range items {
			items[i] = item
		}
		_, err = client.EnqueueMany(ctx, items)
		n -= len(items)
	}
	return errors.Join(err, client.Close())
}

func (navvy) consume(ctx context.Context, rdb *redis.Client, handle func()) (func() error, error) {
	mux := queue.NewMux()
	queue.Handle(mux, func(context.Context, *queue.Job[noop]) error {
		handle()
		return nil
	})
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
		Queues: map[string]queue.QueueConfig{navvyQueue: {}}, Concurrency: slots,
	})
	if err != nil {
		return nil, err
	}
	if err := worker.Start(ctx); err != nil {
		return nil, err
	}
	return func() error { return worker.Stop(ctx) }, nil
}

func (navvy) drained(ctx context.Context, rdb *redis.Client) (bool, error) {
	inspector, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		return false, err
	}
	info, err := inspector.Queue(ctx, navvyQueue)
	return info.Waiting+info.InFlight+info.Delayed+info.Retrying+info.Dead == 0, err
}
