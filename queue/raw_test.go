package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// Field bug 6: a payload that can't be decoded wedges the reader.
func TestUndecodableEntriesAreDead(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, values := range [][]string{{"foo", "bar"}, {"id", "x", "kind", "k", "data", "{}", "meta", "{"}, {"kind", ""}} {
		f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), Values: values}).Err())
	}
	f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), Values: []string{"kind", "k", "data", "{}"}}).Err())
	f.start(muxOf("k", noop))
	for _, e := range f.await(queue.EventDead, 3) {
		info, err := f.inspect.Job(t.Context(), "orders", e.Job)
		f.must(err)
		if info.Reason != queue.ReasonUndecodable {
			t.Errorf("got %+v", info)
		}
	}
	f.await(queue.EventDone, 1) // by hand, with redis-cli
}

func TestRawStream(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + "-orders:queue"
	add := func(values ...string) string {
		t.Helper()
		id, err := f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: values}).Result()
		f.must(err)
		return id
	}
	first := add("order_id", "o-9", "cents", "500", "note", "\x00\"quoted\"")
	seen := make(chan string, 10)
	mux := muxOf("order.placed", func(_ context.Context, run *queue.Run) error {
		seen <- fmt.Sprintf("%s %d %s", run.ID, run.Attempt, run.Data)
		if run.Attempt == 1 {
			return errors.New("once more")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond))
	f.start(mux, func(c *queue.WorkerConfig) {
		c.Queues = map[string]queue.QueueConfig{stream: {Raw: &queue.Raw{Group: stream + ":group", Kind: "order.placed"}}}
	})
	data := `{"order_id":"o-9","cents":"500","note":"\u0000\"quoted\""}`
	for attempt := 1; attempt <= 2; attempt++ {
		if got, want := <-seen, fmt.Sprintf("%s %d %s", first, attempt, data); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f.await(queue.EventDone, 1)
	second := add("id", "1", "kind", "shoes", "data", "x", "size", "42") // fields that only look like navvy's
	if got, want := <-seen, second+` 1 {"id":"1","kind":"shoes","data":"x","size":"42"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f.await(queue.EventDone, 2)
	info, err := f.inspect.Queue(t.Context(), stream)
	f.must(err)
	if !info.Raw || info.Stream != stream || info.Waiting+info.InFlight+info.Retrying != 0 || f.rdb.XLen(t.Context(), stream).Val() != 0 {
		t.Errorf("got %+v", info)
	}
}

func TestStreamWithAnotherGroupIsRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must(f.rdb.XGroupCreateMkStream(t.Context(), f.stream(), "auditors", "0").Err())
	w, err := queue.NewWorker(f.rdb, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}},
	})
	f.must(err)
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "auditors") {
		t.Errorf("got %v", err)
	}
}
