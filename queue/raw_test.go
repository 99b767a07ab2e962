package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
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
		if info.Reason != inspect.ReasonUndecodable {
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
		if got, want := receive(t, seen), fmt.Sprintf("%s %d %s", first, attempt, data); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f.await(queue.EventDone, 1)
	second := add("id", "1", "kind", "shoes", "data", "x", "size", "42") // fields that only look like navvy's
	if got, want := receive(t, seen), second+` 1 {"id":"1","kind":"shoes","data":"x","size":"42"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f.await(queue.EventDone, 2)
	info, err := f.inspect.Queue(t.Context(), stream)
	f.must(err)
	if !info.Raw || info.Stream != stream || info.Waiting+info.InFlight+info.Retrying != 0 ||
		f.rdb.XLen(t.Context(), stream).Val() != 0 {
		t.Errorf("got %+v", info)
	}
}

// Bytes that are no text reach the handler as they are, at the first attempt and after a retry; in the document they
// are in base64 under a name of their own, and so a []byte of the arguments holds them.
func TestBinaryFieldsAreDeliveredIntact(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + "-photos:queue"
	values := []string{"name", "Zoë", "photo", "\xff\xd8\xff\xe0\x00", "\xfe", "odd name", "photo;base64", "text"}
	type args struct {
		Name  string
		Photo []byte `json:"photo;base64"`
	}
	seen := make(chan error, 2)
	mux := muxOf("photo.added", func(_ context.Context, run *queue.Run) error {
		var a args
		err := json.Unmarshal(run.Data, &a)
		got := run.Fields()
		for i := 0; i < len(values) && err == nil; i += 2 {
			if len(got) != len(values)/2 || got[i/2] != (queue.Field{Name: values[i], Value: values[i+1]}) {
				err = fmt.Errorf("fields %q", got)
			}
		}
		if err == nil && (a.Name != values[1] || string(a.Photo) != values[3]) {
			err = fmt.Errorf("arguments %q of %s", a, run.Data)
		}
		seen <- err
		if run.Attempt == 1 {
			return errors.New("once more")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond))
	client, err := queue.NewClient(f.rdb, queue.ClientConfig{Namespace: f.namespace})
	f.must(err)
	t.Cleanup(func() { f.must(client.Close()) })
	_, err = client.AddRaw(t.Context(), stream, values...)
	f.must(err)
	f.start(mux, func(c *queue.WorkerConfig) {
		c.Queues = map[string]queue.QueueConfig{stream: {Raw: &queue.Raw{Kind: "photo.added"}}}
	})
	for attempt := 1; attempt <= 2; attempt++ {
		if err := receive(t, seen); err != nil {
			t.Errorf("attempt %d: %v", attempt, err)
		}
	}
}

func TestAddRaw(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + "-added:queue"
	client, err := queue.NewClient(f.rdb, queue.ClientConfig{Namespace: f.namespace, MaxData: 20})
	f.must(err)
	t.Cleanup(func() { f.must(client.Close()) })
	id, err := client.AddRaw(t.Context(), stream, "order_id", "o-9", "note", "5 €") // 20 bytes
	f.must(err)
	entries, err := f.rdb.XRange(t.Context(), stream, "-", "+").Result()
	if err != nil || len(entries) != 1 || entries[0].ID != id || len(entries[0].Values) != 2 ||
		entries[0].Values["note"] != "5 €" {
		t.Errorf("got %v, %v, want the entry %s", entries, err, id)
	}
	seen := make(chan string, 1)
	f.start(muxOf("order.placed", func(_ context.Context, run *queue.Run) error {
		seen <- run.ID
		return nil
	}), func(c *queue.WorkerConfig) {
		c.Queues = map[string]queue.QueueConfig{stream: {Raw: &queue.Raw{Kind: "order.placed"}}}
	})
	if got := receive(t, seen); got != id {
		t.Errorf("the job is %s, want the entry's %s", got, id)
	}

	for _, fields := range [][]string{nil, {"odd"}, {"a", "b", "c"}} {
		if _, err := client.AddRaw(t.Context(), stream, fields...); err == nil {
			t.Errorf("%q was added", fields)
		}
	}
	if _, err := client.AddRaw(t.Context(), "a b", "c", "d"); err == nil {
		t.Error("a stream with a space in its name was taken")
	}
	if _, err := client.AddRaw(t.Context(), stream, "order_id", "more than twenty"); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.AddRaw(ended, stream, "c", "d"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Field bug 9, for plain entries: a dropped connection enqueues twice.
func TestDroppedConnectionAddsOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + "-once:queue"
	p, client := f.throughProxy()
	p.cut.Store(1)
	if _, err := client.AddRaw(t.Context(), stream, "order_id", "o-9"); !errors.Is(err, queue.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnknownOutcome", err)
	}
	if n := f.rdb.XLen(t.Context(), stream).Val(); n != 1 {
		t.Errorf("%d entries in the stream, want one", n)
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

// On a busy raw stream a job's ID, its entry's, is often also the ID of some dead job's entry among the dead.
func TestRawJobIsNotTakenForADeadOneOfItsID(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + "-orders:queue"
	w := f.start(muxOf("order.placed", func(context.Context, *queue.Run) error { return queue.Cancel(nil) }),
		func(c *queue.WorkerConfig) {
			c.Queues = map[string]queue.QueueConfig{stream: {Raw: &queue.Raw{Kind: "order.placed"}}}
		})
	add := func(id string) string {
		added, err := f.rdb.XAdd(t.Context(),
			&redis.XAddArgs{Stream: stream, ID: id, Values: []string{"order_id", "o-1"}}).Result()
		f.must(err)
		return added
	}
	first := add("1-1")
	f.await(queue.EventDead, 1)
	f.must(w.Stop(t.Context()))
	dead, err := f.inspect.Job(t.Context(), stream, first)
	f.must(err)
	waits := add(dead.Entry)
	if job, err := f.inspect.Job(t.Context(), stream, waits); err != nil || job.State != inspect.StateWaiting {
		t.Errorf("got %+v, %v", job, err)
	}
	f.must(f.inspect.Delete(t.Context(), stream, waits))
	if job, err := f.inspect.Job(t.Context(), stream, first); err != nil || job.State != inspect.StateDead {
		t.Errorf("the dead job: %+v, %v", job, err)
	}
}
