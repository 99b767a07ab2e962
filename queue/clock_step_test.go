package queue_test

import (
	"fmt"
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

// Redis' clock was ahead while jobs were put off for 100 ms, and was set back. The workers' own clocks were right all
// the time: what the queue's time had reached does not count.
func TestJobsPutOffWhileTheClockWasAheadDoNotWaitForItsLength(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`, queue.In(time.Hour))
	f.enqueue("k", `{}`, queue.In(2*time.Hour)) // it is to stay
	now := float64(time.Now().UnixMilli())
	put := f.rdb.ZRange(t.Context(), f.stream()+":delayed", 0, 0).Val()
	const after100ms = 108.0 / 1024 // as retry.lua notes it
	ahead := redis.Z{Score: now + 600_000 + after100ms, Member: put[0]}
	f.must(f.rdb.ZAdd(t.Context(), f.stream()+":delayed", ahead).Err())
	f.must(f.rdb.HSet(t.Context(), f.stream()+":metrics", "clock", fmt.Sprintf("%.0f %.0f", now+600_000, now)).Err())
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 1)
	if info := f.info(); info.Delayed != 1 {
		t.Errorf("%d are delayed", info.Delayed)
	}
}
