package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// floor is what Redis and go-redis cost by themselves: no retries, no leases, no IDs, one field. It is not a job
// system; it is the measure of one. With json it encodes and decodes the payload, as whatever has typed jobs must.
type floor struct {
	rdb     *redis.Client
	data    *payloads
	json    bool
	calls   chan floorCall
	senders sync.WaitGroup
	stop    func() error // of the worker
}

const (
	floorStream   = "floor"
	floorGroup    = "workers"
	floorConsumer = "bare"
	floorBatch    = 500 // entries of one read, one pipeline, one acknowledgement
	floorSenders  = 2   // pipelines under way at once: one is built while the other one travels
)

// floorCall is one caller that waits for its entry to be added.
type floorCall struct {
	data  []byte
	reply chan error
}

func openFloor(_ context.Context, s store, data *payloads) (system, error) {
	return startFloor(s, data, false), nil
}

func openFloorJSON(_ context.Context, s store, data *payloads) (system, error) {
	return startFloor(s, data, true), nil
}

func startFloor(s store, data *payloads, json bool) system {
	f := &floor{
		rdb: s.(*redisServer).client(), data: data, json: json, calls: make(chan floorCall, floorBatch),
		stop: func() error { return nil },
	}
	for range floorSenders {
		f.senders.Go(f.sends)
	}
	return inProcess{library: f, hasBulk: true}
}

func (f *floor) close(context.Context) error {
	close(f.calls)
	f.senders.Wait()
	return errors.Join(f.stop(), f.rdb.Close())
}

func (f *floor) encode(n int) ([]byte, error) {
	if f.json {
		return json.Marshal(f.data.args(n))
	}
	return f.data.json(n), nil
}

func (f *floor) decode(data string) (int, error) {
	if !f.json {
		return numberInJSON(data), nil
	}
	var args noop
	err := json.Unmarshal([]byte(data), &args)
	return args.number(), err
}

func floorEntry(data []byte) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: floorStream, Values: []any{"data", data}}
}

func (f *floor) fill(ctx context.Context, jobs int) error {
	for n := 0; n < jobs; {
		pipe := f.rdb.Pipeline()
		for range min(jobs-n, floorBatch) {
			data, err := f.encode(n)
			if err != nil {
				return err
			}
			pipe.XAdd(ctx, floorEntry(data))
			n++
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (f *floor) drained(ctx context.Context) (bool, error) {
	left, err := f.rdb.XLen(ctx, floorStream).Result()
	return left == 0, err
}

var floorReplies = sync.Pool{New: func() any { return make(chan error, 1) }}

func (f *floor) enqueue(_ context.Context, n int) error {
	data, err := f.encode(n)
	if err != nil {
		return err
	}
	reply := floorReplies.Get().(chan error)
	defer floorReplies.Put(reply)
	f.calls <- floorCall{data, reply}
	return <-reply
}

// sends collects the calls of many goroutines into pipelines.
func (f *floor) sends() {
	ctx := context.Background()
	for first := range f.calls {
		batch := gather(f.calls, first)
		pipe := f.rdb.Pipeline()
		for _, call := range batch {
			pipe.XAdd(ctx, floorEntry(call.data))
		}
		_, err := pipe.Exec(ctx)
		for _, call := range batch {
			call.reply <- err
		}
	}
}

// floorWorker is one reader, its handlers and one acknowledger.
type floorWorker struct {
	*floor
	read   chan redis.XMessage
	done   chan string
	handle func(n int)
	errs   chan error // the first one of a handler or the acknowledger
}

func (f *floor) consume(ctx context.Context, handle func(n int)) error {
	err := f.rdb.XGroupCreateMkStream(ctx, floorStream, floorGroup, "0").Err()
	if err != nil && !redis.HasErrorPrefix(err, "BUSYGROUP") {
		return err
	}
	w := &floorWorker{
		floor: f, read: make(chan redis.XMessage), done: make(chan string, floorBatch), handle: handle,
		errs: make(chan error, 1),
	}
	reading, stopReading := context.WithCancel(ctx)
	var reader, handlers, acknowledger sync.WaitGroup
	var readErr error
	reader.Go(func() { readErr = w.reads(reading) })
	for range slots {
		handlers.Go(w.handles)
	}
	acknowledger.Go(w.acknowledges)
	f.stop = func() error {
		stopReading()
		reader.Wait()
		close(w.read)
		handlers.Wait()
		close(w.done)
		acknowledger.Wait()
		close(w.errs)
		return errors.Join(readErr, <-w.errs)
	}
	return nil
}

func (w *floorWorker) fail(err error) {
	if err == nil {
		return
	}
	select {
	case w.errs <- err:
	default:
	}
}

func (w *floorWorker) reads(ctx context.Context) error {
	args := &redis.XReadGroupArgs{
		Group: floorGroup, Consumer: floorConsumer, Streams: []string{floorStream, ">"},
		Count: floorBatch, Block: time.Second,
	}
	for ctx.Err() == nil {
		streams, err := w.rdb.XReadGroup(ctx, args).Result()
		switch {
		case errors.Is(err, redis.Nil), ctx.Err() != nil:
			continue
		case err != nil:
			return err
		}
		for _, message := range streams[0].Messages {
			w.read <- message
		}
	}
	return nil
}

func (w *floorWorker) handles() {
	for message := range w.read {
		data, _ := message.Values["data"].(string)
		n, err := w.decode(data)
		w.fail(err)
		w.handle(n)
		w.done <- message.ID
	}
}

func (w *floorWorker) acknowledges() {
	ctx := context.Background()
	for first := range w.done {
		ids := gather(w.done, first)
		_, err := w.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.XAck(ctx, floorStream, floorGroup, ids...)
			pipe.XDel(ctx, floorStream, ids...)
			return nil
		})
		w.fail(err)
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
