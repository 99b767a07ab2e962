package queue_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// holdAs makes entries pending for a consumer, as if it had read them.
func (f *fleet) holdAs(consumer string, n int64) []string {
	f.Helper()
	_ = f.rdb.XGroupCreateMkStream(f.Context(), f.stream(), wire.DefaultGroup, "0").Err()
	read, err := f.rdb.XReadGroup(f.Context(), &redis.XReadGroupArgs{
		Group: wire.DefaultGroup, Consumer: consumer, Streams: []string{f.stream(), ">"}, Count: n, Block: -1,
	}).Result()
	f.must(err)
	var ids []string
	for _, m := range read[0].Messages {
		ids = append(ids, m.ID)
	}
	return ids
}

// Field bug 8: only the first page of pending is ever looked at. These are two pages.
func TestDeadWorkersJobsRunAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for range 250 {
		f.enqueue("k", `{}`)
	}
	f.holdAs("gone#aaaaa1", 250)
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#aaaaa1"}).Err()) // its lease ended in 1970
	f.start(muxOf("k", noop))
	for _, e := range f.await(queue.EventDone, 250) {
		if e.Attempt != 1 || e.Redelivered != 1 {
			t.Fatalf("attempt %d, redelivered %d: a crash is a redelivery, not an attempt", e.Attempt, e.Redelivered)
		}
	}
	f.empty()
	f.eventually("the dead worker is gone", func() bool {
		pending := f.rdb.XPending(t.Context(), f.stream(), wire.DefaultGroup).Val()
		return len(pending.Consumers) == 0 && f.rdb.ZCard(t.Context(), f.workers()).Val() == 1
	})
}

// Field bug 2: a deleted entry still pending stops or spins reclaim.
func TestDeletedEntryDoesNotStopReclaim(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for range 5 {
		f.enqueue("k", `{}`)
	}
	ids := f.holdAs("gone#aaaaa1", 5)
	f.must(f.rdb.XDel(t.Context(), f.stream(), ids[0], ids[2]).Err())
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#aaaaa1"}).Err())
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 3)
	f.empty()
}

func TestJobThatCrashesItsWorkersIsDead(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	id := f.holdAs("gone#aaaaa1", 1)[0]
	f.must(f.rdb.HSet(t.Context(), f.stream()+":crashed", id, "#held:gone#8 gone#9", id+":began", "gone#aaaaa1").Err())
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#aaaaa1"}).Err())
	f.start(muxOf("k", func(context.Context, *queue.Run) error {
		t.Error("it ran once more")
		return nil
	}), func(c *queue.WorkerConfig) { c.Lease = 500 * time.Millisecond })
	f.await(queue.EventDead, 1)
	dead, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDead}, inspect.Page{})
	f.must(err)
	if len(dead.Jobs) != 1 || dead.Jobs[0].Reason != inspect.ReasonCrashed || dead.Jobs[0].Attempt != 0 ||
		!strings.Contains(dead.Jobs[0].Error, "3 workers died while they held it: gone#8, gone#9, gone#aaaaa1") {
		t.Errorf("got %+v", dead.Jobs)
	}
}

// Field bugs 11 and 18: a lease that was lost frees no slot, and the sleeper's outcome does not count.
func TestLostLease(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	job := f.enqueue("k", `{}`)
	f.start(muxOf("k", b.handle))
	run := receive(t, b.began)
	f.must(f.rdb.Del(t.Context(), f.stream()+":worker:"+run.Worker).Err()) // as a caretaker does first
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: run.Worker}).Err())
	if cause := receive(t, b.ended); !errors.Is(cause, queue.ErrLeaseLost) {
		t.Errorf("the handler's context ended with %v", cause)
	}
	again := receive(t, b.began)
	if again.ID != job.ID || again.Worker == run.Worker || again.Attempt != 1 || again.Redelivered != 1 {
		t.Errorf("first %+v, then %+v", run, again)
	}
	close(b.free)
	f.empty()
	if totals := f.info().Totals; totals.Done != 1 || totals.Retried != 0 {
		t.Errorf("totals %+v", totals)
	}
}

// The outcome of a worker that does not know yet that it lost its lease is refused by Redis.
func TestOutcomeIsFenced(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{"done": nil, "failed": errors.New("x"), "dead": queue.Cancel(nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.enqueue("k", `{}`)
			var once sync.Once
			f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
				var first bool
				once.Do(func() { first = true })
				if !first {
					return nil
				}
				// Another worker takes the job, between two heartbeats of this one.
				id := f.rdb.XRange(t.Context(), f.stream(), "-", "+").Val()[0].ID
				f.must(f.rdb.Del(t.Context(), f.stream()+":worker:"+run.Worker).Err())
				f.must(f.rdb.XClaimJustID(t.Context(), &redis.XClaimArgs{
					Stream: f.stream(), Group: wire.DefaultGroup, Consumer: "~orphans", Messages: []string{id},
				}).Err())
				return outcome
			}))
			f.await(queue.EventDropped, 1)
			f.await(queue.EventDone, 1)
			f.empty()
			if totals := f.info().Totals; totals.Done != 1 || totals.Dead+totals.Retried != 0 {
				t.Errorf("totals %+v", totals)
			}
		})
	}
}

// Field bug 10: a lost XREADGROUP reply strands jobs in a live worker's pending list.
func TestLostReadReplyIsAdopted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := newProxy(t, f.server.Addr)
	rdb := redis.NewClient(&redis.Options{Addr: p.addr()})
	defer rdb.Close()
	w, err := queue.NewWorker(rdb, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 5, Observer: f.events,
		Lease: time.Minute, // longer than the test: nobody else may save the job
	})
	f.must(err)
	f.must(w.Start(t.Context()))
	f.await(queue.EventWorkerJoined, 1)
	for i := range 20 {
		p.cut.Store(1) // whichever reply is next: a read's, a heartbeat's, an acknowledgement's
		f.enqueue("k", `{}`)
		f.await(queue.EventDone, i+1)
	}
	f.empty()
	f.must(w.Stop(t.Context()))
	if started := len(f.events.of(queue.EventStarted)); started != 20 {
		t.Errorf("%d starts of 20 jobs", started)
	}
	if len(f.events.of(queue.EventRedisError)) == 0 {
		t.Error("no connection was cut: the test shows nothing")
	}
}

// Field bug 5: NOGROUP after data loss loops for ever.
func TestWorkerSurvivesTheLossOfAllData(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	f.start(muxOf("k", noop))
	for i := range 3 {
		f.enqueue("k", `{}`)
		f.await(queue.EventDone, i+1)
		f.must(f.rdb.FlushAll(t.Context()).Err())
	}
	f.enqueue("k", `{}`)
	f.await(queue.EventDone, 4)
}

func TestForeignConsumersEntriesAreTakenOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	f.enqueue("k", `{}`)
	ids := f.holdAs("worker-1", 2) // another program, that never had a lease
	f.must(f.rdb.Do(t.Context(), "XCLAIM", f.stream(), wire.DefaultGroup, "worker-1", 0, ids[0], "IDLE", 61_000,
		"JUSTID").Err())
	f.start(muxOf("k", noop))
	if done := f.await(queue.EventDone, 1); done[0].Redelivered != 1 {
		t.Errorf("got %+v", done[0])
	}
	f.eventually("only the fresh one is left", func() bool { return f.info().InFlight == 1 })
}

func TestConsumersLeftBehindAreSwept(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	f.holdAs("gone#aaaaa1", 1)
	f.must(f.rdb.XGroupCreateConsumer(t.Context(), f.stream(), wire.DefaultGroup, "gone#aaaaa2").Err())
	f.must(f.rdb.XGroupCreateConsumer(t.Context(), f.stream(), wire.DefaultGroup, "worker-1").Err())
	f.start(muxOf("k", noop), func(c *queue.WorkerConfig) { c.Lease = 500 * time.Millisecond })
	f.eventually("the worker's old selves are gone, and another program's consumer stays", func() bool {
		var names []string
		for _, c := range f.rdb.XInfoConsumers(t.Context(), f.stream(), wire.DefaultGroup).Val() {
			if strings.HasPrefix(c.Name, "gone") || c.Name == "worker-1" {
				names = append(names, c.Name)
			}
		}
		return len(names) == 1 && names[0] == "worker-1"
	})
	f.empty()
}

// Jobs of a dead worker go before new ones, however many wait and however busy the worker is.
func TestParkedEntriesGoFirst(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for range 30 {
		f.enqueue("old", `{}`)
	}
	f.holdAs("gone#aaaaa1", 30)
	for range 200 {
		f.enqueue("new", `{}`)
	}
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#aaaaa1"}).Err())
	free := make(chan struct{})
	step := func(context.Context, *queue.Run) error { <-free; return nil }
	mux := muxOf("old", step)
	mux.HandleKind("new", step)
	f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead = 2, -1 })
	f.eventually("the entries are parked", func() bool {
		return f.rdb.XPending(t.Context(), f.stream(), wire.DefaultGroup).Val().Consumers["~orphans"] > 0
	})
	for n := 1; n <= 60; n++ {
		free <- struct{}{}
		f.await(queue.EventDone, n)
	}
	close(free)
	old := 0
	for _, e := range f.events.of(queue.EventDone)[:60] {
		if e.Kind == "old" {
			old++
		}
	}
	if old != 30 {
		t.Errorf("%d of 30 parked jobs were among the first 60", old)
	}
	f.empty()
}

func z(member string, score float64) redis.Z { return redis.Z{Member: member, Score: score} }

// millis is an instant as a score: so long from now.
func millis(in time.Duration) string { return strconv.FormatInt(time.Now().Add(in).UnixMilli(), 10) }
