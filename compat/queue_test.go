package compat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// message of a stream, as the article's consume returns it.
type entry struct {
	id     string
	fields map[string]string
}

func (e *entry) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&e.id, &e.fields})
}

// stream is one of those that consume returns.
type stream struct {
	name    string
	entries []entry
}

func (s *stream) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&s.name, &s.entries})
}

// consumeOne reads and acknowledges the next message, as the article's worker does.
func consumeOne(python *object) entry {
	python.peer.t.Helper()
	var streams []stream
	python.call(&streams, "consume", "worker-1", 1, 5000)
	if len(streams) != 1 || len(streams[0].entries) != 1 {
		python.peer.t.Fatalf("Python consumes %v", streams)
	}
	acknowledged := 0
	if python.call(&acknowledged, "acknowledge", streams[0].entries[0].id); acknowledged != 1 {
		python.peer.t.Errorf("Python acknowledged %d", acknowledged)
	}
	return streams[0].entries[0]
}

// tally counts how often each order was processed.
type tally struct {
	mu     sync.Mutex
	orders map[string]int
}

func newTally() *tally { return &tally{orders: map[string]int{}} }

func (s *tally) add(order string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[order]++
}

// check reports orders that were processed more or less often than once.
func (s *tally) check(t *testing.T, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.orders) != want {
		t.Errorf("%d orders were processed, want %d", len(s.orders), want)
	}
	for order, times := range s.orders {
		if times != 1 {
			t.Errorf("order %s was processed %d times", order, times)
		}
	}
}

func (s *tally) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.orders)
}

// orders handles the jobs of a raw stream.
func (s *tally) mux() *queue.Mux {
	mux := queue.NewMux()
	mux.HandleKind("order.placed", func(_ context.Context, run *queue.Run) error {
		var fields struct {
			OrderID string `json:"order_id"`
		}
		if err := json.Unmarshal(run.Data, &fields); err != nil {
			return queue.Cancel(err)
		}
		s.add(fields.OrderID)
		return nil
	})
	return mux
}

func TestWhatPythonAddsAGoWorkerRuns(t *testing.T) {
	t.Parallel()
	server, rdb := redistest.Shared(t), redistest.Shared(t).Client(t)
	peer := newPeer(t, server)
	python := peer.object("RedisStreamQueue", "orders:queue")
	python.call(nil, "setup") // the group is there before the worker
	const orders = 200
	add := func(from, to int) {
		for i := from; i < to; i++ {
			python.call(nil, "add_message", map[string]string{"order_id": strconv.Itoa(i), "cents": "500"})
		}
	}
	add(0, orders/2)
	done := newTally()
	runWorker(t, rdb, done.mux(), "orders:queue", queue.Raw{Group: "orders:queue:group", Kind: "order.placed"})
	add(orders/2, orders) // while it works
	eventually(t, "the stream is empty", func(ctx context.Context) bool {
		return rdb.XLen(ctx, "orders:queue").Val() == 0
	})
	done.check(t, orders)
}

// A consumer of the article's and a Go worker are one group: each message is for one of them, and what Python held when
// it crashed, Go takes over.
func TestPythonAndGoShareAStream(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	rdb := server.Client(t)
	peer, crashing := newPeer(t, server), newPeer(t, server)
	python := peer.object("RedisStreamQueue", "shared:queue")
	python.call(nil, "setup")
	const orders = 100
	for i := range orders {
		python.call(nil, "add_message", map[string]string{"order_id": strconv.Itoa(i)})
	}
	done := newTally()
	for range 10 {
		done.add(consumeOne(python).fields["order_id"])
	}
	var lost []stream
	crashing.object("RedisStreamQueue", "shared:queue").call(&lost, "consume", "worker-2", 5, 5000)
	crashing.kill()
	if len(lost) != 1 || len(lost[0].entries) != 5 {
		t.Fatalf("Python consumed %v", lost)
	}
	runWorker(t, rdb, done.mux(), "shared:queue", queue.Raw{
		Group: "shared:queue:group", Kind: "order.placed", ForeignIdle: 300 * time.Millisecond,
	})
	eventually(t, "all orders are processed", func(context.Context) bool { return done.count() == orders })
	done.check(t, orders)
	eventually(t, "nothing is pending", func(ctx context.Context) bool {
		pending, err := rdb.XPending(ctx, "shared:queue", "shared:queue:group").Result()
		return err == nil && pending.Count == 0
	})
	if n := rdb.XLen(ctx, "shared:queue").Val(); n != 10 { // the article's consumer acknowledges and deletes nothing
		t.Errorf("%d entries are left, want the 10 that Python acknowledged", n)
	}
}

func TestWhatGoAddsPythonConsumes(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	client, err := queue.NewClient(server.Client(t), queue.ClientConfig{})
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	peer := newPeer(t, server)
	python := peer.object("RedisStreamQueue", "invoices:queue")
	python.call(nil, "setup")
	added := map[string]string{}
	for i := range 20 {
		order := fmt.Sprint("o-", i)
		id, err := client.AddRaw(ctx, "invoices:queue", "order_id", order, "note", "für 5 €")
		must(t, err)
		added[id] = order
	}
	for range 20 {
		got := consumeOne(python)
		if got.fields["order_id"] != added[got.id] || got.fields["note"] != "für 5 €" || len(got.fields) != 2 {
			t.Errorf("Python consumes %+v, want order %s", got, added[got.id])
		}
		delete(added, got.id)
	}
	if len(added) != 0 {
		t.Errorf("Python did not see %v", added)
	}
}

// A queue of navvy's own is a stream like any other: the fields id, kind and data, the last in JSON.
func TestWhatGoEnqueuesPythonConsumes(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	client, err := queue.NewClient(server.Client(t), queue.ClientConfig{})
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	peer := newPeer(t, server)
	python := peer.object("RedisStreamQueue", "navvy:{python}")
	python.call(nil, "setup")
	job, err := client.Enqueue(ctx, queue.JSON("order.placed", []byte(`{"order_id":"o-1"}`)), queue.On("python"))
	must(t, err)
	got := consumeOne(python)
	if got.fields["id"] != job.ID || got.fields["kind"] != "order.placed" || got.fields["data"] != `{"order_id":"o-1"}` {
		t.Errorf("Python consumes %+v", got)
	}
}
