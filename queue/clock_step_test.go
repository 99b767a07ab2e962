package queue_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
)

// Redis' clock was set back by an hour after the last worker had died. What is stored is then as if that had happened
// in an hour: its lease, and its term as the caretaker. Whoever starts now must not believe it.
func TestAClockThatWasSetBackWhileNoWorkerLived(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const dead = "gone#aaaaa1"
	for range 3 {
		f.enqueue("k", `{}`)
	}
	f.holdAs(dead, 2)
	f.enqueue("k", `{}`, queue.In(10*time.Millisecond))
	lease := redis.Z{Score: float64(time.Now().Add(time.Hour).UnixMilli()), Member: dead}
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), lease).Err())
	f.must(f.rdb.HSet(t.Context(), f.stream()+":worker:"+dead, "lease_ms", 1000, "worker", "gone").Err())
	f.must(f.rdb.Set(t.Context(), f.stream()+":caretaker", dead, time.Hour).Err())
	if n := f.info().Workers; n != 0 {
		t.Errorf("%d workers are shown, and none lives", n)
	}
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 4)
	f.empty()
	f.eventually("the dead worker is gone", func() bool { return f.rdb.ZCard(t.Context(), f.workers()).Val() == 1 })
	if reaped := f.events.of(queue.EventWorkerReaped); len(reaped) != 1 || reaped[0].Worker != dead {
		t.Errorf("got %+v", reaped)
	}
}

// A worker whose lease is longer than the caretaker's keeps it.
func TestALongerLeaseIsBelieved(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const other = "slow#aaaaa1"
	ends := float64(time.Now().Add(time.Minute).UnixMilli())
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: ends, Member: other}).Err())
	f.must(f.rdb.HSet(t.Context(), f.stream()+":worker:"+other, "lease_ms", 60_000, "worker", "slow").Err())
	f.start(muxOf("k", noop))
	f.enqueue("k", `{}`, queue.In(time.Second)) // the caretaker has had time to look
	f.await(queue.EventDone, 1)
	if got := f.rdb.ZScore(t.Context(), f.workers(), other).Val(); got != ends {
		t.Errorf("it ends %.0f ms earlier", ends-got)
	}
}
