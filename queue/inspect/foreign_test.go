package inspect_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A consumer without a lease whose name has the form of a worker's is given the time of a lease on a queue of navvy's
// own. On a raw stream it may be another program's, which is given what its binding says, as any other name is.
func TestWhenAConsumerWithoutALeaseIsReclaimed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := wire.Binding{Raw: true, Kind: "order"}
	slow := wire.Binding{Raw: true, Kind: "order", ForeignIdle: (5 * time.Minute).Milliseconds()}
	depot := wire.NewQueueRef(w.namespace, w.namespace+":depot", slow)
	w.must(wire.NewRegistry(w.rdb, w.namespace).Bind(t.Context(), map[string]wire.Binding{depot.Name: slow}))
	shop := wire.NewQueueRef(w.namespace, w.namespace+":shop", raw)
	orders := wire.NewQueueRef(w.namespace, "orders", wire.Binding{})
	w.must(wire.NewRegistry(w.rdb, w.namespace).Bind(t.Context(), map[string]wire.Binding{shop.Name: raw}))
	for _, c := range []struct {
		queue    *wire.QueueRef
		consumer string
		after    time.Duration
	}{
		{&orders, nobody, wire.DefaultLease}, {&orders, "python-1", wire.DefaultForeignIdle},
		{&shop, nobody, wire.DefaultForeignIdle}, {&shop, "python-1", wire.DefaultForeignIdle},
		{&depot, "python-1", 5 * time.Minute},
	} {
		w.must(w.rdb.ZAdd(t.Context(), c.queue.Workers(), z("two#abcdef", 9e15)).Err()) // a worker lives
		values := []string{"id", "j", "kind", "k", "data", "{}"}
		entry := w.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: c.queue.Stream, Values: values}).Val()
		_ = w.rdb.XGroupCreate(t.Context(), c.queue.Stream, c.queue.Group, "0").Err()
		before := w.rdb.Time(t.Context()).Val()
		w.must(w.rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: c.queue.Group, Consumer: c.consumer, Streams: []string{c.queue.Stream, ">"},
		}).Err())
		job, err := w.look.Job(t.Context(), c.queue.Name, entry)
		w.must(err)
		within := w.rdb.Time(t.Context()).Val().Sub(before) + 10*time.Millisecond // clocks in whole milliseconds
		if job.Heartbeat != inspect.HeartbeatGone || job.NextAt == nil || job.NextAt.Sub(before.Add(c.after)).Abs() > within {
			t.Errorf("%s of %s: %s, %q at %v", c.consumer, c.queue.Name, job.Heartbeat, job.NextStep, job.NextAt)
		}
	}
}
