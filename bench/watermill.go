package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"
)

// watermillSystem is github.com/ThreeDotsLabs/watermill-redisstream with its defaults. A subscription handles one
// message after the other, so there is one for each slot.
type watermillSystem struct {
	server     *redisServer
	admin      *redis.Client
	data       *payloads
	publisher  *redisstream.Publisher
	subscriber *redisstream.Subscriber
	handlers   sync.WaitGroup
}

const (
	watermillTopic   = "bench"
	watermillGroup   = "workers"
	watermillFillers = 64 // goroutines that publish at once: a call for many messages sends one after the other
)

func openWatermill(_ context.Context, s store, data *payloads) (system, error) {
	server := s.(*redisServer)
	publisher, err := redisstream.NewPublisher(redisstream.PublisherConfig{Client: server.client()}, nil)
	if err != nil {
		return nil, err
	}
	return inProcess{library: &watermillSystem{
		server: server, admin: server.client(), data: data, publisher: publisher,
	}}, nil
}

// close ends the clients of publisher and subscriber too.
func (w *watermillSystem) close(context.Context) error {
	var stopped error
	if w.subscriber != nil {
		stopped = w.subscriber.Close()
		w.handlers.Wait()
	}
	return errors.Join(stopped, w.publisher.Close(), w.admin.Close())
}

func (w *watermillSystem) enqueue(ctx context.Context, n int) error {
	data, err := json.Marshal(w.data.args(n))
	if err != nil {
		return err
	}
	return w.publisher.Publish(watermillTopic, message.NewMessageWithContext(ctx, watermill.NewUUID(), data))
}

func (w *watermillSystem) fill(ctx context.Context, jobs int) error {
	_, err := enqueueAll(ctx, w.enqueue, jobs, watermillFillers, deadline)
	return err
}

func (w *watermillSystem) consume(ctx context.Context, handle func(n int)) error {
	rdb := redis.NewClient(&redis.Options{
		Addr: w.server.redis.Addr, PoolSize: 2 * slots, // each subscription keeps a connection in its blocking read
	})
	subscriber, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{
		Client: rdb, ConsumerGroup: watermillGroup,
		DisableIndefiniteInitialBlock: true, // or it cannot be closed before the first message
	}, nil)
	if err != nil {
		return err
	}
	w.subscriber = subscriber
	for range slots {
		messages, err := subscriber.Subscribe(ctx, watermillTopic)
		if err != nil {
			return err
		}
		w.handlers.Go(func() { watermillHandle(messages, handle) })
	}
	return nil
}

func watermillHandle(messages <-chan *message.Message, handle func(n int)) {
	for m := range messages {
		var args noop
		if json.Unmarshal(m.Payload, &args) != nil {
			m.Nack()
			continue
		}
		handle(args.number())
		m.Ack()
	}
}

func (w *watermillSystem) drained(ctx context.Context) (bool, error) {
	groups, err := w.admin.XInfoGroups(ctx, watermillTopic).Result()
	if err != nil || len(groups) == 0 {
		return false, err
	}
	return groups[0].Pending == 0 && groups[0].Lag == 0, nil
}
