package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// asynqSystem is github.com/hibiken/asynq with its defaults.
type asynqSystem struct {
	rdb       *redis.Client
	data      *payloads
	client    *asynq.Client
	inspector *asynq.Inspector
	server    *asynq.Server
}

const (
	asynqQueue   = "default"
	asynqFillers = 64 // goroutines that enqueue at once: it has no call for many tasks
)

func openAsynq(_ context.Context, s store, data *payloads) (system, error) {
	rdb := s.(*redisServer).client()
	return inProcess{library: &asynqSystem{
		rdb: rdb, data: data,
		client: asynq.NewClientFromRedisClient(rdb), inspector: asynq.NewInspectorFromRedisClient(rdb),
	}}, nil
}

func (a *asynqSystem) close(context.Context) error {
	if a.server != nil {
		a.server.Shutdown()
	}
	return a.rdb.Close()
}

func (a *asynqSystem) enqueue(ctx context.Context, n int) error {
	data, err := json.Marshal(a.data.args(n))
	if err != nil {
		return err
	}
	_, err = a.client.EnqueueContext(ctx, asynq.NewTask(noop{}.Kind(), data))
	return err
}

func (a *asynqSystem) fill(ctx context.Context, jobs int) error {
	_, err := enqueueAll(ctx, a.enqueue, jobs, asynqFillers, deadline)
	return err
}

func (a *asynqSystem) consume(_ context.Context, handle func(n int)) error {
	a.server = newAsynqServer(a.rdb)
	return a.server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		var args noop
		if err := json.Unmarshal(task.Payload(), &args); err != nil {
			return err
		}
		handle(args.number())
		return nil
	}))
}

func newAsynqServer(rdb *redis.Client) *asynq.Server {
	return asynq.NewServerFromRedisClient(rdb, asynq.Config{
		Concurrency: slots, LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
	})
}

func (a *asynqSystem) drained(context.Context) (bool, error) {
	info, err := a.inspector.GetQueueInfo(asynqQueue)
	if errors.Is(err, asynq.ErrQueueNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return info.Size == 0, nil
}
