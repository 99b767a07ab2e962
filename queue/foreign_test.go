package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
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

// Entries that other programs have added may have no ID, or one ID for several: each is a job all the same, also when
// all of them fail and are kept by their IDs for a while.
func TestEntriesWithoutAnIDOfTheirOwnAreNotLost(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{"empty": "", "equal": "o-1", "odd": "a b\xff\n", "an entry's": "7-1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			var mended atomic.Bool
			f.start(muxOf("k", func(context.Context, *queue.Run) error {
				if mended.Load() {
					return nil
				}
				return errors.New("the gateway is away")
			}, queue.Backoff(500*time.Millisecond, 500*time.Millisecond)))
			want := map[string]bool{}
			for n := range 4 {
				data := fmt.Sprintf(`{"n":%d}`, n)
				want[data] = true
				f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{
					Stream: f.stream(), Values: []string{"id", id, "kind", "k", "data", data},
				}).Err())
			}
			f.await(queue.EventFailed, 4)
			page, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateRetrying}, inspect.Page{})
			f.must(err)
			for _, job := range page.Jobs {
				delete(want, string(job.Data))
			}
			if len(page.Jobs) == 4 && len(want) > 0 {
				t.Errorf("not among those that are retried: %v", want)
			}
			mended.Store(true)
			f.empty()
			if i := f.info(); i.Totals.Done != 4 || i.Dead != 0 {
				t.Errorf("of 4 jobs %d are done, %d dead", i.Totals.Done, i.Dead)
			}
			if audit, err := f.inspect.Verify(t.Context(), "orders", nil); err != nil || !audit.OK() {
				t.Errorf("the accounts: %+v, %v", audit, err)
			}
		})
	}
}

// A job without an ID that a version before has put off is run, whatever scripts run before it is due.
func TestAJobThatWasPutOffWithoutAnIDIsRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must(f.rdb.HSet(t.Context(), f.stream()+":bodies", "", `1 0 k{"n":1}`).Err())
	f.must(f.rdb.ZAdd(t.Context(), f.stream()+":retrying", redis.Z{
		Score: float64(time.Now().Add(500 * time.Millisecond).UnixMilli()),
	}).Err())
	f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
		if string(run.Data) == `{"n":2}` && run.Attempt == 1 {
			return errors.New("once more")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond)))
	f.enqueue("k", `{"n":2}`)
	f.await(queue.EventFailed, 1)
	f.await(queue.EventDone, 2)
	f.empty()
}

// A consumer that lets an entry go counts once among those that died with it, whatever it is called.
func TestAConsumerOfAnyNameIsOneCrash(t *testing.T) {
	t.Parallel()
	for _, consumer := range []string{"order worker 1", "", " ", "a\tb\nc", "'; --"} {
		t.Run(consumer, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			stream := f.namespace + ":orders:queue"
			f.must(f.rdb.XGroupCreateMkStream(t.Context(), stream, queue.DefaultGroup, "0").Err())
			f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{"order_id", "o-1"}}).Err())
			f.must(f.rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
				Group: queue.DefaultGroup, Consumer: consumer, Streams: []string{stream, ">"},
			}).Err())
			gate := make(chan struct{})
			f.start(muxOf("order.placed", func(context.Context, *queue.Run) error { <-gate; return nil }),
				func(c *queue.WorkerConfig) {
					c.Lease, c.MaxCrashes = 500*time.Millisecond, 2
					c.Queues = map[string]queue.QueueConfig{
						stream: {Raw: &queue.Raw{Kind: "order.placed", ForeignIdle: time.Millisecond}},
					}
				})
			f.await(queue.EventStarted, 1)
			page, err := f.inspect.Search(t.Context(), stream, inspect.Query{State: inspect.StateInFlight}, inspect.Page{})
			f.must(err)
			if len(page.Jobs) != 1 || page.Jobs[0].Crashes != 1 {
				t.Errorf("got %+v", page.Jobs)
			}
			close(gate)
			f.await(queue.EventDone, 1)
		})
	}
}

// A group that a person sets back, or destroys, has the jobs that run delivered again: this worker does not start them
// a second time while they run, and does start what it does not hold.
func TestAGroupThatIsSetBackStartsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fleet) error{
		"set back": func(f *fleet) error {
			return f.rdb.XGroupSetID(f.Context(), f.stream(), queue.DefaultGroup, "0").Err()
		},
		"destroyed": func(f *fleet) error {
			return f.rdb.XGroupDestroy(f.Context(), f.stream(), queue.DefaultGroup).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			gate := make(chan struct{})
			var mu sync.Mutex
			starts := map[string]int{}
			f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
				mu.Lock()
				starts[run.ID]++
				mu.Unlock()
				<-gate
				return nil
			}))
			for range 5 {
				f.enqueue("k", `{}`)
			}
			f.await(queue.EventStarted, 5)
			f.must(change(f))
			for range 3 {
				f.enqueue("k", `{}`)
			}
			f.await(queue.EventStarted, 8)
			f.eventually("all are delivered again", func() bool { return f.info().InFlight == 8 })
			close(gate)
			f.empty()
			mu.Lock()
			defer mu.Unlock()
			for id, n := range starts {
				if n != 1 {
					t.Errorf("%s was started %d times", id, n)
				}
			}
			if len(starts) != 8 {
				t.Errorf("%d jobs were started, want 8", len(starts))
			}
		})
	}
}

// A group that is made on the stream while workers run is warned about: it misses what they delete.
func TestAGroupThatIsMadeLaterIsWarnedAbout(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop), func(c *queue.WorkerConfig) { c.Lease = 500 * time.Millisecond })
	f.must(f.rdb.XGroupCreate(t.Context(), f.stream(), "auditors", "0").Err())
	f.eventually("a warning", func() bool {
		return slices.ContainsFunc(f.events.of(queue.EventWarning), func(e queue.Event) bool {
			return strings.Contains(e.Err.Error(), "auditors") && e.Queue == "orders"
		})
	})
	f.enqueue("k", `{}`)
	f.await(queue.EventDone, 1) // it goes on
}
