package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// companions are the keys of a queue behind its stream, as patterns.
var companions = []string{
	"", ":delayed", ":retrying", ":bodies", ":dead", ":dead:ids", ":workers", ":worker:*", ":caretaker", ":crashed",
	":paused", ":cancelled", ":cancelled:*", ":stats", ":stats:[0-9]*", ":stats:h:*", ":metrics",
	":job:*", ":result:*", ":unique:*", ":id*",
	":lane:*", ":preflight",
}

// spoil makes what a key holds unusable.
var spoil = map[string]func(f *fleet, key string) error{
	"a string": func(f *fleet, key string) error {
		f.rdb.Del(f.Context(), key)
		return f.rdb.Set(f.Context(), key, "x", 0).Err()
	},
	"a list": func(f *fleet, key string) error {
		_, err := f.rdb.TxPipelined(f.Context(), func(pipe redis.Pipeliner) error {
			pipe.Del(f.Context(), key)
			pipe.RPush(f.Context(), key, "x")
			return nil
		})
		return err
	},
	"full counts":   func(f *fleet, key string) error { return f.fillCounts(key, strconv.Itoa(math.MaxInt64-1)) },
	"beyond a full": func(f *fleet, key string) error { return f.fillCounts(key, strconv.Itoa(math.MaxInt64)+"0") },
	"no numbers":    func(f *fleet, key string) error { return f.fillCounts(key, "many") },
}

// fillCounts sets every field of a hash of counts that the life of a job adds to.
func (f *fleet) fillCounts(key, value string) error {
	fields := []any{}
	for _, name := range []string{"done", "failed", "snoozed", "dead", "scheduled", "promoted", "retried", "requeued",
		"run_us", "wait_us", "redelivered", "reclaimed", "lease_lost", "waiting", "in_flight"} {
		fields = append(fields, name, value)
		for _, kind := range []string{"plain", "broken", "snooze", "give-up", "keep", "long"} {
			fields = append(fields, name+":"+kind, value)
		}
	}
	return f.rdb.HSet(f.Context(), key, fields...).Err()
}

// userWithout makes a user that has no right to the keys of a pattern, and returns its client.
func (f *fleet) userWithout(suffix string) *redis.Client {
	f.Helper()
	args := []any{"ACL", "SETUSER", "limited", "on", ">secret", "+@all", "resetkeys"}
	for _, s := range companions {
		if s != suffix {
			args = append(args, "~"+strings.ReplaceAll(f.stream(), "{", "[{]")+s)
		}
	}
	if suffix != ":queues" {
		args = append(args, "~"+f.namespace+":queues")
	}
	f.must(f.rdb.Do(f.Context(), append(args, "~"+f.namespace+":version")...).Err())
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr, Username: "limited", Password: "secret"})
	f.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// lives takes jobs through every step of a job's life while a key is unusable: each must come to its end, and no worker
// may lose its lease.
func (f *fleet) lives(rdb *redis.Client, again func()) {
	f.Helper()
	const lease = 500 * time.Millisecond
	long := newBlocker()
	mux := queue.NewMux()
	mux.HandleKind("plain", noop)
	mux.HandleKind("broken", func(_ context.Context, run *queue.Run) error {
		if run.Attempt == 1 {
			return errors.New("x")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond))
	mux.HandleKind("snooze", func(_ context.Context, run *queue.Run) error {
		if time.Since(run.EnqueuedAt) < 100*time.Millisecond {
			return queue.Snooze(100 * time.Millisecond)
		}
		return nil
	})
	mux.HandleKind("give-up", func(context.Context, *queue.Run) error { return queue.Cancel(nil) })
	mux.HandleKind("keep", func(_ context.Context, run *queue.Run) error { return run.SetResult("kept") },
		queue.Retain(time.Hour))
	mux.HandleKind("long", long.handle)

	f.enqueue("plain", `{}`)
	f.holdAs("gone#aaaaa1", 1)
	f.must(f.rdb.ZAdd(f.Context(), f.workers(), z("gone#aaaaa1", 1)).Err())
	f.enqueue("plain", `{}`)
	f.holdAs("~released", 1)
	for _, kind := range []string{"plain", "broken", "snooze", "keep", "give-up"} {
		f.enqueue(kind, `{}`)
		f.enqueue(kind, `{}`, queue.In(time.Millisecond), queue.ID("later-"+kind))
	}
	f.enqueue("long", `{}`)
	again()
	var w *queue.Worker
	start := func() {
		var err error
		w, err = queue.NewWorker(rdb, mux, queue.WorkerConfig{
			Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 5, Lease: lease,
			Observer: f.events,
		})
		f.must(err)
		f.must(w.Start(f.Context()))
	}
	start()
	receive(f.T, long.began)
	began := time.Now()
	dead := f.await(queue.EventDead, 2)
	f.must(f.inspect.Requeue(f.Context(), "orders", dead[0].Job))
	f.await(queue.EventDead, 3)
	f.await(queue.EventDone, 10)
	<-time.After(time.Until(began.Add(3 * lease)))
	again()
	now, cancel := context.WithCancel(f.Context())
	cancel()
	f.must(w.Stop(now)) // hands the long one back
	close(long.free)
	start()
	f.await(queue.EventDone, 11)
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	f.must(w.Stop(ctx))
	if lost := f.events.of(queue.EventLeaseLost); len(lost) > 0 {
		f.Errorf("%d leases lost\n%s", len(lost), f.events.tail())
	}
	if dropped := f.events.of(queue.EventDropped); len(dropped) > 0 {
		f.Errorf("%d outcomes did not count", len(dropped))
	}
	if left := f.rdb.XLen(f.Context(), f.stream()).Val(); left != 0 {
		f.Errorf("%d entries are left", left)
	}
}

// failures counts the reports of bookkeeping that failed, by their texts.
func (f *fleet) failures() map[string]int {
	found := map[string]int{}
	for _, e := range f.events.of(queue.EventRedisError) {
		found[e.Err.Error()]++
	}
	return found
}

func TestBookkeepingCannotStopWork(t *testing.T) {
	t.Parallel()
	minute := func(at time.Time) string { return fmt.Sprintf(":stats:%d", at.Unix()/60) }
	hour := func(at time.Time) string { return fmt.Sprintf(":stats:h:%d", at.Unix()/3600) }
	at := func(suffix string) func(time.Time) string { return func(time.Time) string { return suffix } }
	for name, key := range map[string]struct {
		suffix func(time.Time) string
		counts bool // a hash of counts
	}{
		"totals": {at(":stats"), true}, "minute": {minute, true}, "hour": {hour, true}, "metrics": {at(":metrics"), true},
		"crashes": {at(":crashed"), false}, "cancellations": {at(":cancelled"), false},
		"caretaker": {at(":caretaker"), false},
	} {
		for how, damage := range spoil {
			if !key.counts && how != "a string" && how != "a list" {
				continue
			}
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				f := newFleet(t)
				f.lives(f.rdb, func() {
					for _, at := range []time.Time{time.Now(), time.Now().Add(time.Minute)} {
						f.must(damage(f, f.stream()+key.suffix(at)))
					}
				})
				for text, times := range f.failures() {
					if !strings.Contains(text, "passed over") || times > 2 { // once for each of two workers
						t.Errorf("%d times: %s", times, text)
					}
				}
			})
		}
	}
}

func TestBookkeepingWithoutPermissionCannotStopWork(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	for _, suffix := range []string{
		":stats", ":stats:[0-9]*", ":stats:h:*", ":metrics", ":crashed", ":cancelled", ":queues",
	} {
		t.Run(suffix, func(t *testing.T) {
			f := newFleetOn(t, server)
			f.lives(f.userWithout(suffix), func() {})
			if len(f.failures()) == 0 {
				t.Error("nothing was reported")
			}
		})
	}
}

// A full count stays full; the others of its hash go on.
func TestFullCountsSaturate(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must(f.rdb.HSet(t.Context(), f.stream()+":stats", "done", math.MaxInt64-1).Err())
	f.must(f.rdb.HSet(t.Context(), f.stream()+":metrics", "done:k", strconv.Itoa(math.MaxInt64)+"0").Err())
	for range 5 {
		f.enqueue("k", `{}`)
	}
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 5)
	f.eventually("the counts are full", func() bool {
		done, _ := f.rdb.HGet(t.Context(), f.stream()+":stats", "done").Int64()
		ofKind, _ := f.rdb.HGet(t.Context(), f.stream()+":metrics", "done:k").Int64()
		return done == math.MaxInt64 && ofKind == math.MaxInt64
	})
	if info := f.info(); info.Totals.Done != math.MaxInt64 {
		t.Errorf("got %+v", info.Totals)
	}
	if n := f.events.of(queue.EventRedisError); len(n) > 0 {
		t.Errorf("got %v", n[0].Err)
	}
}

// An entry whose producer has numbered it by itself has no time: it does not count as 56 years of waiting.
func TestEntriesWithoutATimeHaveNoWait(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	stream := f.namespace + ":raw"
	f.start(muxOf("k", noop), func(c *queue.WorkerConfig) {
		c.Queues = map[string]queue.QueueConfig{stream: {Raw: &queue.Raw{Group: "g", Kind: "k"}}}
	})
	for _, id := range []string{"1-0", "2-0", "9000000000000000000-0", "18446744073709551614-0"} {
		f.must(f.rdb.Do(t.Context(), "XADD", stream, id, "order", "o").Err())
	}
	f.await(queue.EventDone, 4)
	var metrics inspect.QueueMetrics
	f.eventually("they are counted", func() bool {
		var err error
		metrics, err = f.inspect.Metrics(t.Context(), stream)
		f.must(err)
		return len(metrics.Kinds) == 1 && metrics.Kinds[0].Done == 4
	})
	if wait := metrics.Kinds[0].Wait; wait.Sum != 0 || wait.Count() != 0 {
		t.Errorf("got %+v", wait)
	}
}

// A registry that does not answer, such as one on a node of the cluster that is cut off, holds no call up.
func TestSilentRegistryDoesNotHoldEnqueue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	isNote := func(request []byte) bool { return strings.Contains(strings.ToLower(string(request)), "hsetnx") }
	p := newProxy(t, f.server.Addr)
	p.swallow.Store(true)
	p.cutOn.Store(&isNote)
	rdb := redis.NewClient(&redis.Options{Addr: p.addr()})
	defer rdb.Close()
	const timeout = 5 * time.Second
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: f.namespace, Timeout: timeout})
	f.must(err)
	items := make([]queue.Item, 50)
	for i := range items {
		items[i] = queue.Item{Args: queue.JSON("k", []byte(`{}`)),
			Options: []queue.EnqueueOption{queue.On(fmt.Sprintf("queue-%d", i))}}
	}
	began := time.Now()
	_, err = client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders"))
	f.must(err)
	_, err = client.EnqueueMany(t.Context(), items)
	f.must(err)
	f.must(client.Close())
	if took := time.Since(began); took > timeout/2 {
		t.Errorf("the calls took %s", took)
	}
	if n := f.rdb.XLen(t.Context(), f.stream()).Val(); n != 1 {
		t.Errorf("%d jobs", n)
	}
}

func TestQueuesAreNotedTogether(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	items := make([]queue.Item, 1000)
	for i := range items {
		items[i] = queue.Item{Args: queue.JSON("k", []byte(`{}`)),
			Options: []queue.EnqueueOption{queue.On(fmt.Sprintf("queue-%d", i))}}
	}
	_, err := f.client.EnqueueMany(t.Context(), items)
	f.must(err)
	f.eventually("every queue is in the registry", func() bool {
		names, err := f.inspect.Queues(t.Context())
		f.must(err)
		return len(names) == len(items)
	})
}
