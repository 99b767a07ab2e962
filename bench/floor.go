package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// floor is what Redis and go-redis cost by themselves: no retries, no leases, no IDs, one field. It is not a job
// system; it is the measure of one.
type floor struct{}

const (
	floorStream   = "floor"
	floorGroup    = "workers"
	floorConsumer = "bare"
	floorBatch    = 500 // entries of one read, one pipeline, one acknowledgement
	floorSenders  = 2   // pipelines under way at once: one is built while the other one travels
)

func (floor) name() string { return "floor" }

func floorEntry() *redis.XAddArgs {
	return &redis.XAddArgs{Stream: floorStream, Values: []any{"data", payload}}
}

func (floor) fill(ctx context.Context, rdb *redis.Client, n int) error {
	for n > 0 {
		pipe := rdb.Pipeline()
		for range min(n, floorBatch) {
			pipe.XAdd(ctx, floorEntry())
			n--
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (floor) drained(ctx context.Context, rdb *redis.Client) (bool, error) {
	left, err := rdb.XLen(ctx, floorStream).Result()
	return left == 0, err
}

// floorProducer collects the calls of many goroutines into pipelines.
type floorProducer struct {
	rdb     *redis.Client
	calls   chan chan error
	replies sync.Pool
	senders sync.WaitGroup
}

func (floor) producer(rdb *redis.Client) (producer, error) {
	p := &floorProducer{rdb: rdb, calls: make(chan chan error, floorBatch)}
	p.replies.New = func() any { return make(chan error, 1) }
	for range floorSenders {
		p.senders.Go(p.send)
	}
	return p, nil
}

func (p *floorProducer) enqueue(context.Context) error {
	reply := p.replies.Get().(chan error)
	defer p.replies.Put(reply)
	p.calls <- reply
	return <-reply
}

func (p *floorProducer) close() error {
	close(p.calls)
	p.senders.Wait()
	return nil
}

func (p *floorProducer) send() {
	ctx := context.Background()
	for first := range p.calls {
		batch := gather(p.calls, first)
		pipe := p.rdb.Pipeline()
		for range batch {
			pipe.XAdd(ctx, floorEntry())
		}
		_, err := pipe.Exec(ctx)
		for _, reply := range batch {
			reply <- err
		}
	}
}

// floorConsumerLoop is one reader, its handlers and one acknowledger.
type floorConsumerLoop struct {
	rdb    *redis.Client
	read   chan string
	done   chan string
	handle func()
	err    error // of the acknowledger
}

func (floor) consume(ctx context.Context, rdb *redis.Client, handle func()) (func() error, error) {
	err := rdb.XGroupCreateMkStream(ctx, floorStream, floorGroup, "0").Err()
	if err != nil && !redis.HasErrorPrefix(err, "BUSYGROUP") {
		return nil, err
	}
	c := &floorConsumerLoop{rdb: rdb, read: make(chan string), done: make(chan string, floorBatch), handle: handle}
	reading, stopReading := context.WithCancel(ctx)
	var reader, handlers, acknowledger sync.WaitGroup
	var readErr error
	reader.Go(func() { readErr = c.reads(reading) })
	for range slots {
		handlers.Go(c.handles)
	}
	acknowledger.Go(c.acknowledges)
	return func() error {
		stopReading()
		reader.Wait()
		close(c.read)
		handlers.Wait()
		close(c.done)
		acknowledger.Wait()
		return errors.Join(readErr, c.err)
	}, nil
}

func (c *floorConsumerLoop) reads(ctx context.Context) error {
	args := &redis.XReadGroupArgs{
		Group: floorGroup, Consumer: floorConsumer, Streams: []string{floorStream, ">"},
		Count: floorBatch, Block: time.Second,
	}
	for ctx.Err() == nil {
		streams, err := c.rdb.XReadGroup(ctx, args).Result()
		switch {
		case errors.Is(err, redis.Nil), ctx.Err() != nil:
			continue
		case err != nil:
			return err
		}
		for _, message := range streams[0].Messages {
			c.read <- message.ID
		}
	}
	return nil
}

func (c *floorConsumerLoop) handles() {
	for id := range c.read {
		c.handle()
		c.done <- id
	}
}

func (c *floorConsumerLoop) acknowledges() {
	ctx := context.Background()
	for first := range c.done {
		ids := gather(c.done, first)
		_, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.XAck(ctx, floorStream, floorGroup, ids...)
			pipe.XDel(ctx, floorStream, ids...)
			return nil
		})
		c.err = errors.Join(c.err, err)
	}
}

// gather returns first and whatever else is ready, up to floorBatch in all.
func gather[T any](from <-chan T, first T) []T {
	batch := append(make([]T, 0, floorBatch), first)
	for len(batch) < floorBatch {
		select {
		case next, open := <-from:
			if !open {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}
