package queue_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// takeAway parks the job that the one worker holds, as if it had died, and waits until it has found out.
func (f *fleet) takeAway() {
	pending, err := f.rdb.XPendingExt(f.Context(),
		&redis.XPendingExtArgs{Stream: f.stream(), Group: wire.DefaultGroup, Start: "-", End: "+", Count: 1}).Result()
	if err != nil || len(pending) != 1 {
		f.Errorf("pending are %v, %v", pending, err)
		return
	}
	claim := &redis.XClaimArgs{
		Stream: f.stream(), Group: wire.DefaultGroup, Consumer: wire.ParkOrphans, Messages: []string{pending[0].ID},
	}
	for _, err := range []error{
		f.rdb.XClaimJustID(f.Context(), claim).Err(),
		f.rdb.Del(f.Context(), f.stream()+":worker:"+pending[0].Consumer).Err(),
		f.rdb.ZRem(f.Context(), f.workers(), pending[0].Consumer).Err(),
	} {
		if err != nil {
			f.Error(err)
		}
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(f.events.of(queue.EventLeaseLost)) == 0 && f.Context().Err() == nil {
		<-tick.C
	}
}

// The call that records an outcome is lost on its way; before it comes again, the lease is lost and the job parked for
// another worker. That it is not this worker's any more does not mean that the first call has recorded it.
func TestAnOutcomeThatNeverArrivedDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handle queue.Handler
		mark   string // of the call
		typ    queue.EventType
		opts   []queue.EnqueueOption
	}{
		"failed": {func(context.Context, *queue.Run) error { return errors.New("fails now") }, "fails now", queue.EventFailed,
			[]queue.EnqueueOption{queue.Backoff(time.Hour, time.Hour)}},
		"snoozed": {func(context.Context, *queue.Run) error { return queue.Snooze(time.Hour) }, "snoozed",
			queue.EventSnoozed, nil},
		"dead": {func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("no good")) }, "no good",
			queue.EventDead, nil},
		"done, and kept": {func(_ context.Context, run *queue.Run) error { return run.SetResult("the result") },
			"the result", queue.EventDone, []queue.EnqueueOption{queue.Retain(time.Hour)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			p := newProxy(t, f.server.Addr)
			p.drop.Store(true)
			var calls atomic.Int64
			isOutcome := func(request []byte) bool {
				if !bytes.Contains(request, []byte(c.mark)) {
					return false
				}
				call := calls.Add(1)
				if call == 2 {
					f.takeAway()
				}
				return call == 1
			}
			p.cutOn.Store(&isOutcome)
			rdb := redis.NewClient(&redis.Options{Addr: p.addr(), MaxRetries: -1})
			t.Cleanup(func() { _ = rdb.Close() })
			f.enqueue("k", `{}`, c.opts...)
			f.startOn(rdb, muxOf("k", c.handle), func(c *queue.WorkerConfig) { c.Lease = time.Second })
			var counted, dropped int
			f.eventually("both runs have ended", func() bool {
				counted, dropped = len(f.events.of(c.typ)), len(f.events.of(queue.EventDropped))
				return counted+dropped == 2
			})
			if counted != 1 || len(f.events.of(queue.EventStarted)) != 2 {
				t.Errorf("%d outcomes counted, %d dropped\n%s", counted, dropped, f.events.tail())
			}
		})
	}
}
