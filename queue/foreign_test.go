package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// What a consumer is, the queue's binding says: on a raw stream other programs' consumers keep what they hold for as
// long as ForeignIdle says, whatever they are called.
func TestForeignConsumersKeepWhatTheyHoldWhateverTheirNames(t *testing.T) {
	t.Parallel()
	for _, consumer := range []string{"python-1", "python#1", "python#abc123", "a b", "~mine", "#"} {
		t.Run(consumer, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			stream := f.namespace + ":orders:queue"
			f.must(f.rdb.XGroupCreateMkStream(t.Context(), stream, queue.DefaultGroup, "0").Err())
			add := func(id string) {
				f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{"order_id", id}}).Err())
			}
			add("held")
			f.must(f.rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
				Group: queue.DefaultGroup, Consumer: consumer, Streams: []string{stream, ">"},
			}).Err())
			f.start(muxOf("order.placed", noop), func(c *queue.WorkerConfig) {
				c.Lease = 500 * time.Millisecond
				c.Queues = map[string]queue.QueueConfig{
					stream: {Raw: &queue.Raw{Kind: "order.placed", ForeignIdle: time.Minute}},
				}
			})
			add("free")
			f.await(queue.EventDone, 1)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // four leases
			defer cancel()
			<-ctx.Done()
			held := f.rdb.XPending(t.Context(), stream, queue.DefaultGroup).Val()
			if held.Count != 1 || held.Consumers[consumer] != 1 {
				t.Errorf("after four leases %v is held, want 1 by %q", held.Consumers, consumer)
			}
		})
	}
}
