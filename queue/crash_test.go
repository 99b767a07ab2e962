package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Field bug 7 among others: a killed worker, the caretaker even, keeps nothing back.
func TestKilledWorkersJobsStartElsewhere(t *testing.T) {
	t.Parallel()
	for lease, within := range map[time.Duration]time.Duration{4 * time.Second: 6 * time.Second,
		time.Second: 2500 * time.Millisecond} {
		t.Run(lease.String(), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			for range 500 {
				f.enqueue("hold", `{}`)
			}
			victim := f.process(processConfig{Slots: 100, ReadAhead: 400, Lease: lease})
			victim.started(100)
			f.eventually("it has read ahead", func() bool { return f.info().InFlight == 500 })
			f.start(muxOf("hold", noop), func(c *queue.WorkerConfig) { c.Concurrency, c.Lease = 100, lease })
			f.eventually("the victim is the caretaker", func() bool {
				holder := f.rdb.Get(t.Context(), f.stream()+":caretaker").Val()
				return holder != "" && f.events.of(queue.EventCaretakerTaken) == nil
			})
			victim.signal(syscall.SIGKILL)
			killed := time.Now()
			var took []time.Duration
			for _, e := range f.await(queue.EventStarted, 500) {
				if e.Attempt != 1 || e.Redelivered != 1 {
					t.Fatalf("attempt %d, redelivered %d", e.Attempt, e.Redelivered)
				}
				took = append(took, e.Time.Sub(killed))
			}
			slices.Sort(took)
			t.Logf("500 jobs of a killed worker started elsewhere after %s at the median, %s at 99 %%, %s at the most",
				took[250], took[495], took[499])
			if took[499] > within {
				t.Errorf("the last started after %s", took[499])
			}
			f.empty()
		})
	}
}

// A handler may run as long as it likes: liveness is the worker's lease. Field bug 1: nor is a job that was read ahead
// redelivered while it waits locally.
func TestLongJobStartsOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const lease = 500 * time.Millisecond
	b := newBlocker()
	for range 5 { // one runs, four wait behind it
		f.enqueue("k", `{}`)
	}
	f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead, c.Lease = 1, 4, lease })
	receive(t, b.began)
	f.eventually("it has read ahead", func() bool { return f.info().InFlight == 5 })
	f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) { c.Lease = lease })
	ten := time.After(10 * lease)
	select {
	case run := <-b.began:
		t.Errorf("job %s was started a second time", run.ID)
	case <-ten:
	}
	close(b.free)
	f.await(queue.EventDone, 5)
	if started := len(f.events.of(queue.EventStarted)); started != 5 {
		t.Errorf("%d starts of 5 jobs", started)
	}
}

func TestTerminatedWorkerHandsOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const grace = time.Second
	for range 20 {
		f.enqueue("hold", `{}`)
	}
	busy := f.process(processConfig{Slots: 10, ReadAhead: 10, Lease: 4 * time.Second, Grace: grace})
	busy.started(10)
	f.start(muxOf("hold", noop), func(c *queue.WorkerConfig) { c.Concurrency = 20 })
	f.eventually("it has read ahead", func() bool { return f.info().InFlight == 20 })
	terminated := time.Now()
	busy.signal(syscall.SIGTERM)
	for i, e := range f.await(queue.EventStarted, 20) {
		within := time.Second // those that had not started are handed back at once
		if i >= 10 {
			within += grace
		}
		if after := e.Time.Sub(terminated); after > within {
			t.Errorf("job %d started elsewhere after %s", i, after)
		}
		if e.Attempt != 1 || e.Redelivered != 0 {
			t.Errorf("attempt %d, redelivered %d after a hand-over", e.Attempt, e.Redelivered)
		}
	}
	busy.wait(t)
	if took := time.Since(terminated); busy.err != nil || took > grace+2*time.Second {
		t.Errorf("ended with %v after %s", busy.err, took)
	}
	if n := busy.said("ended"); n != 10 {
		t.Errorf("%d of 10 handlers saw their contexts end", n)
	}
	f.empty()
}

// Field bug 18: a worker that was SIGSTOPped and woke up overwrites its successor's outcome.
func TestSleeperDoesNotOverwrite(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const lease = time.Second
	for range 10 {
		f.enqueue("hold", `{}`)
	}
	sleeper := f.process(processConfig{Slots: 10, Lease: lease})
	sleeper.started(10)
	sleeper.signal(syscall.SIGSTOP)
	stopped := time.Now()
	f.start(muxOf("hold", func(context.Context,
		*queue.Run) error {
		return queue.Cancel(errors.New("the successor's outcome"))
	}),
		func(c *queue.WorkerConfig) { c.Lease = lease })
	f.await(queue.EventDead, 10)
	<-time.After(time.Until(stopped.Add(3 * lease)))
	sleeper.signal(syscall.SIGCONT)
	f.eventually("the sleeper's handlers see that the lease is lost", func() bool { return sleeper.said("ended") == 10 })
	sleeper.mu.Lock()
	for _, line := range sleeper.lines {
		if strings.HasPrefix(line, "ended") && !strings.Contains(line, queue.ErrLeaseLost.Error()) {
			t.Errorf("the sleeper said %q", line)
		}
	}
	sleeper.mu.Unlock()
	f.eventually("it comes back under a new name", func() bool { return f.info().Workers == 2 })
	if info := f.info(); info.Totals.Done != 0 || info.Dead != 10 || info.InFlight != 0 {
		t.Errorf("got %+v", info)
	}
	f.enqueue("quick", `{}`)
	if audit := f.verify(); !audit.OK() {
		t.Errorf("got %+v", audit)
	}
}

func TestPoisonIsIsolated(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const lease = 500 * time.Millisecond
	for i := range 200 {
		if i == 50 {
			f.enqueue("exit", `{}`)
		}
		f.enqueue("quick", `{}`)
	}
	var runs int
	f.eventually("the poison is dead and the rest done", func() bool {
		runs++
		p := f.process(processConfig{Slots: 20, ReadAhead: 100, Lease: lease, Name: fmt.Sprintf("run%d", runs)})
		f.eventually("it died, or all is settled", func() bool {
			select {
			case <-p.ended:
				return true
			default:
				i := f.info()
				return i.Waiting+i.InFlight+i.Retrying+i.Delayed == 0
			}
		})
		i := f.info()
		return i.Waiting+i.InFlight == 0 && i.Dead == 1
	})
	dead, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDead}, inspect.Page{})
	f.must(err)
	job := dead.Jobs[0]
	if job.Kind != "exit" || job.Reason != inspect.ReasonCrashed || !strings.Contains(job.Error, "3 workers died") ||
		strings.Count(job.Error, "run") != 3 {
		t.Errorf("got %+v", job)
	}
	if info := f.info(); info.Totals.Done != 200 || runs != 4 {
		t.Errorf("%d of 200 done after %d runs", info.Totals.Done, runs)
	}
}

// Whatever happens to Redis, workers and producers go on by themselves, and what Redis still holds is done.
func TestRedisTroubles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args    []string
		trouble func(f *fleet)
	}{
		"restart": {[]string{"--appendonly", "yes", "--appendfsync", "always"},
			func(f *fleet) { f.server.Kill(); f.must(f.server.Restart()) }},
		"hangs": {[]string{"--enable-debug-command", "yes"},
			func(f *fleet) { f.must(f.rdb.Do(f.Context(), "DEBUG", "SLEEP", "1.5").Err()) }},
		"clients cut": {nil, func(f *fleet) {
			_ = f.rdb.Do(f.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME",
				"no").Err()
		}},
		"no group": {nil, func(f *fleet) {
			f.must(f.rdb.XGroupDestroy(f.Context(), f.stream(),
				wire.DefaultGroup).Err())
		}},
		"no scripts":    {nil, func(f *fleet) { f.must(f.rdb.ScriptFlush(f.Context()).Err()) }},
		"read-only":     {nil, readOnlyForAWhile},
		"out of memory": {nil, fullForAWhile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, redistest.New(t, c.args...))
			counter := &starts{seen: map[string]int{}}
			for range 2 {
				f.start(muxOf("k", counter.handle), func(c *queue.WorkerConfig) { c.Lease = time.Second })
			}
			var acknowledged []string
			for round := range 4 {
				for range 50 {
					if job, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders")); err == nil {
						acknowledged = append(acknowledged, job.ID)
					}
				}
				if round < 3 {
					c.trouble(f)
				}
			}
			f.eventually("every acknowledged job has run", func() bool { return counter.all(acknowledged) })
			f.empty()
			if len(acknowledged) < 100 {
				t.Errorf("only %d of 200 jobs were taken", len(acknowledged))
			}
		})
	}
}

func readOnlyForAWhile(f *fleet) {
	f.must(f.rdb.Do(f.Context(), "REPLICAOF", "127.0.0.1", "1").Err())
	f.await(queue.EventRedisError, len(f.events.of(queue.EventRedisError))+1)
	f.must(f.rdb.Do(f.Context(), "REPLICAOF", "NO", "ONE").Err())
}

func fullForAWhile(f *fleet) {
	f.must(f.rdb.ConfigSet(f.Context(), "maxmemory", "1").Err())
	_, err := f.client.Enqueue(f.Context(), charge{}, queue.On("orders"))
	if !errors.Is(err, queue.ErrFull) {
		f.Errorf("got %v, want ErrFull", err)
	}
	f.must(f.rdb.ConfigSet(f.Context(), "maxmemory", "0").Err())
}

// starts counts the starts of each job.
type starts struct {
	mu   sync.Mutex
	seen map[string]int
}

func (s *starts) handle(_ context.Context, run *queue.Run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[run.ID]++
	return nil
}

func (s *starts) all(ids []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(ids, func(id string) bool { return s.seen[id] == 0 })
}

// counts returns how often each job has started.
func (s *starts) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

// Field bug 3: deleting a consumer drops its pending jobs.
func TestConsumerWithJobsIsNotDeleted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for range 3 {
		f.enqueue("k", `{}`)
	}
	ids := f.holdAs("worker-1", 3)
	f.must(f.rdb.Do(t.Context(), "XCLAIM", f.stream(), wire.DefaultGroup, "worker-1", 0, ids[0], "IDLE", 3_600_000,
		"JUSTID").Err())
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 1)
	pending := f.rdb.XPending(t.Context(), f.stream(), wire.DefaultGroup).Val()
	if pending.Consumers["worker-1"] != 2 {
		t.Errorf("got %+v", pending)
	}
	f.must(f.rdb.XClaimJustID(t.Context(),
		&redis.XClaimArgs{Stream: f.stream(), Group: wire.DefaultGroup, Consumer: "~released", Messages: ids[1:]}).Err())
	f.empty()
}

// A job that was done while Redis was away for longer than a lease is not run again if nobody has taken it.
func TestDoneWhileRedisWasAway(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--appendonly", "yes", "--appendfsync", "always"))
	b := newBlocker()
	f.enqueue("k", `{}`)
	f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
		b.began <- run
		<-b.free
		return nil
	}), func(c *queue.WorkerConfig) { c.Lease = time.Second })
	receive(t, b.began)
	f.server.Kill()
	close(b.free)
	f.await(queue.EventLeaseLost, 1)
	f.must(f.server.Restart())
	f.await(queue.EventDone, 1)
	f.empty()
	if started, done := len(f.events.of(queue.EventStarted)), f.info().Totals.Done; started != 1 || done != 1 {
		t.Errorf("%d starts, %d done", started, done)
	}
}

// A connection on which nothing comes back any more costs what waits on it, and not the lease.
func TestOneDeadConnectionDoesNotCostTheLease(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := newProxy(t, f.server.Addr)
	p.swallow.Store(true)
	isClaim := func(request []byte) bool {
		return bytes.Contains(request, []byte(":crashed")) && bytes.Contains(request, []byte(":cancelled"))
	}
	p.cutOn.Store(&isClaim)
	f.enqueue("k", `{}`)
	f.holdAs("~released", 1)
	rdb := redis.NewClient(&redis.Options{Addr: p.addr()})
	defer rdb.Close()
	b := newBlocker()
	w, err := queue.NewWorker(rdb, muxOf("k", b.handle), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 2, Observer: f.events,
		Lease: 2 * time.Second,
	})
	f.must(err)
	f.must(w.Start(t.Context()))
	receive(t, b.began) // when the claim was given up
	if lost := f.events.of(queue.EventLeaseLost); len(lost) > 0 {
		t.Errorf("the lease was lost: %v", lost)
	}
	close(b.free)
	f.must(w.Stop(t.Context()))
	if len(f.events.of(queue.EventRedisError)) == 0 {
		t.Error("no claim was swallowed: the test shows nothing")
	}
}
