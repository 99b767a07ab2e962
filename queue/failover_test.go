package queue_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// ledger is what a test knows of jobs, apart from Redis.
type ledger struct {
	mu     sync.Mutex
	acked  []string
	starts map[string]int
	gap    time.Duration // the longest without an acknowledged job
	last   time.Time
}

func (l *ledger) enqueued(job *queue.Enqueued) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.last.IsZero() {
		l.gap = max(l.gap, now.Sub(l.last))
	}
	l.last = now
	l.acked = append(l.acked, job.ID)
}

func (l *ledger) started(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.starts[id]++
}

// count returns how many jobs were acknowledged and never started, and how many were started more than once.
func (l *ledger) count() (acked, lost, repeated int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.acked {
		if l.starts[id] == 0 {
			lost++
		}
	}
	for _, n := range l.starts {
		if n > 1 {
			repeated++
		}
	}
	return len(l.acked), lost, repeated
}

// each calls do every few milliseconds until ctx ends.
func each(ctx context.Context, do func()) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

// failoverFleet is a fleet of two workers on a master that Sentinel watches.
func failoverFleet(t *testing.T, s *redistest.Sentinel, mux *queue.Mux) *fleet {
	t.Helper()
	f := &fleet{T: t, namespace: "navvy", events: newRecorder(), rdb: s.Client(t)}
	var err error
	f.client, err = queue.NewClient(f.rdb, queue.ClientConfig{})
	f.must(err)
	t.Cleanup(func() { _ = f.client.Close() })
	f.inspect, err = inspect.New(f.rdb, inspect.Config{})
	f.must(err)
	for range 2 {
		f.start(mux, func(cfg *queue.WorkerConfig) { cfg.Lease = 2 * time.Second })
	}
	return f
}

// When a person has Sentinel replace a master, the old one goes on as a master for seconds. Whoever writes there loses
// what it writes: own connections leave it when the library's client does that they were made from.
func TestAPlannedFailoverWithSentinelLosesNoMoreThanABareClient(t *testing.T) {
	t.Parallel()
	s := redistest.NewSentinel(t, "--repl-diskless-sync-delay", "0")
	l := &ledger{starts: map[string]int{}}
	release := make(chan struct{})
	mux := queue.NewMux()
	mux.HandleKind("quick", func(_ context.Context, run *queue.Run) error { l.started(run.ID); return nil })
	mux.HandleKind("long", func(ctx context.Context, run *queue.Run) error {
		l.started(run.ID)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	f := failoverFleet(t, s, mux)
	var long []string
	for range 5 {
		job := f.enqueue("long", `{}`)
		l.enqueued(job)
		long = append(long, job.ID)
	}
	f.eventually("the long ones run", func() bool { _, lost, _ := l.count(); return lost == 0 })

	var bare, idle int
	ctx, end := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	writers.Go(func() {
		each(ctx, func() { // in turns, so that both lose as much if they are equals
			if f.rdb.XAdd(ctx, &redis.XAddArgs{Stream: "bare", Values: []string{"a", "b"}}).Err() == nil {
				bare++
			}
			if _, err := f.client.Enqueue(ctx, queue.JSON("quick", []byte(`{}`)), queue.On("idle")); err == nil {
				idle++
			}
		})
	})
	writers.Go(func() {
		each(ctx, func() {
			if job, err := f.client.Enqueue(ctx, queue.JSON("quick", []byte(`{}`)), queue.On("orders")); err == nil {
				l.enqueued(job)
			}
		})
	})
	replica := s.Replica.Client(t)
	s.Failover(t)
	redistest.Await(t, func() bool { return isMaster(t, replica) })
	<-time.After(5 * time.Second) // the old master goes on for 8 s
	end()
	writers.Wait()
	close(release)
	f.empty()
	lostBare := bare - int(replica.XLen(t.Context(), "bare").Val())
	lostIdle := idle - int(replica.XLen(t.Context(), "navvy:{idle}").Val())
	acked, lost, repeated := l.count()
	t.Logf("bare client: %d acknowledged, %d lost; own connections: %d acknowledged, %d lost; of %d with workers %d were "+
		"never started, %d started again; nothing acknowledged for %s", bare, lostBare, idle, lostIdle, acked, lost, repeated,
		l.gap.Round(time.Millisecond))
	if moment := 20; lostIdle > lostBare+moment || lost > lostBare+moment { // a tenth of a second
		t.Errorf("%d acknowledged jobs are lost, and %d were never started: of a bare client's writes %d are lost", lostIdle,
			lost, lostBare)
	}
	if l.gap > 3*time.Second {
		t.Errorf("nothing was acknowledged for %s", l.gap)
	}
	for _, id := range long {
		if l.starts[id] != 1 {
			t.Errorf("job %s was started %d times while it ran", id, l.starts[id])
		}
	}
}

func isMaster(t *testing.T, server *redis.Client) bool {
	role, err := server.Do(t.Context(), "ROLE").Slice()
	return err == nil && role[0] == "master"
}

// A master dies, and Sentinel has its replica take over: all go on when Sentinel leads there, a second after that.
func TestAfterAMasterThatSentinelWatchesHasDiedAllGoOnWithItsReplica(t *testing.T) {
	t.Parallel()
	s := redistest.NewSentinel(t, "--repl-diskless-sync-delay", "0")
	var enqueued, started atomic.Int64
	mux := queue.NewMux()
	mux.HandleKind("quick", func(context.Context, *queue.Run) error { started.Add(1); return nil })
	f := failoverFleet(t, s, mux)
	ctx, end := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer writers.Wait()
	defer end()
	writers.Go(func() {
		each(ctx, func() {
			if _, err := f.client.Enqueue(ctx, queue.JSON("quick", []byte(`{}`)), queue.On("orders")); err == nil {
				enqueued.Add(1)
			}
		})
	})
	redistest.Await(t, func() bool { return started.Load() > 20 })
	replica := s.Replica.Client(t)
	s.Master.Kill()
	redistest.Await(t, func() bool { return isMaster(t, replica) })
	since, enqueues, starts := time.Now(), enqueued.Load(), started.Load()
	redistest.Await(t, func() bool { return enqueued.Load() > enqueues })
	back := time.Since(since)
	redistest.Await(t, func() bool { return started.Load() > starts })
	t.Logf("after the promotion jobs are enqueued again after %s, and started after %s", back, time.Since(since))
	if back > 4*time.Second || time.Since(since) > 4*time.Second {
		t.Error("that is late")
	}
}

// A master of a cluster dies or freezes, and its replica takes over: what works on its slots goes on within a second.
// So do the clients of callers, if the dead one refuses connections: their own timeouts are theirs.
func TestAfterAMasterOfAClusterHasDiedAllGoOnWithItsReplica(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "frozen": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClusterLoops(t)
			if end == syscall.SIGKILL {
				c.loopCallers()
			}
			c.awaitAll()
			replica := c.cluster.Replica.Client(t)
			if err := syscall.Kill(c.cluster.Master.PID(), end); err != nil {
				t.Fatal(err)
			}
			redistest.Await(t, func() bool {
				return replica.XAdd(t.Context(), &redis.XAddArgs{Stream: "probe:{a}", Values: []string{"a", "b"}}).Err() == nil
			})
			since := time.Now()
			c.promoted.Store(true)
			for name, at := range c.back {
				redistest.Await(t, func() bool { return at.Load() > 0 })
				took := time.Unix(0, at.Load()).Sub(since)
				t.Logf("%s: back %s after the promotion", name, took.Round(time.Millisecond))
				if took > 3*time.Second {
					t.Errorf("%s: back only %s after the promotion", name, took)
				}
			}
		})
	}
}

// clusterLoops are what works on the slots of a cluster's master, again and again until the test ends.
type clusterLoops struct {
	*testing.T
	cluster  *redistest.ReplicatedCluster
	ctx      context.Context
	loops    sync.WaitGroup
	went     map[string]*atomic.Int64 // how often each has gone well
	back     map[string]*atomic.Int64 // when each first did after the promotion, in ns
	promoted atomic.Bool
}

func newClusterLoops(t *testing.T) *clusterLoops {
	t.Helper()
	c := &clusterLoops{
		T: t, cluster: redistest.NewReplicatedCluster(t, "navvy:{a}"),
		went: map[string]*atomic.Int64{}, back: map[string]*atomic.Int64{},
	}
	rdb := c.cluster.Client(t)
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	c.must(err)
	t.Cleanup(func() { _ = client.Close() })
	mux := queue.NewMux()
	started := c.counter("worker")
	mux.HandleKind("k", func(context.Context, *queue.Run) error { started(nil); return nil })
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"a": {}}})
	c.must(err)
	c.must(worker.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		c.must(worker.Stop(ctx))
	})
	var end context.CancelFunc
	c.ctx, end = context.WithCancel(t.Context())
	t.Cleanup(func() { end(); c.loops.Wait() })
	c.loop("enqueue", func() error {
		_, err := client.Enqueue(c.ctx, queue.JSON("k", []byte(`{}`)), queue.On("a"))
		return err
	})
	return c
}

// loopCallers adds what works with clients of the caller's.
func (c *clusterLoops) loopCallers() {
	inspector, err := inspect.New(c.cluster.Client(c.T), inspect.Config{})
	c.must(err)
	redistest.Await(c, func() bool { return c.went["enqueue"].Load() > 0 })
	c.loop("inspector", func() error { _, err := inspector.Queue(c.ctx, "a"); return err })
	locks := lockmgr.New(c.cluster.Client(c.T))
	c.Cleanup(locks.Close)
	held := 0
	c.loop("lock", func() error {
		held++ // what was held when the master died may still be
		lock, err := locks.TryAcquire(c.ctx, "{a}"+strconv.Itoa(held))
		if err != nil {
			return err
		}
		return lock.Release(c.ctx)
	})
}

func (c *clusterLoops) must(err error) {
	c.Helper()
	if err != nil {
		c.Error(err)
	}
}

func (c *clusterLoops) loop(name string, do func() error) {
	count := c.counter(name)
	c.loops.Go(func() { each(c.ctx, func() { count(do()) }) })
}

func (c *clusterLoops) counter(name string) (count func(error)) {
	went, back := new(atomic.Int64), new(atomic.Int64)
	c.went[name], c.back[name] = went, back
	return func(err error) {
		if err != nil {
			return
		}
		went.Add(1)
		if c.promoted.Load() {
			back.CompareAndSwap(0, time.Now().UnixNano())
		}
	}
}

// awaitAll waits until all have gone well a number of times.
func (c *clusterLoops) awaitAll() {
	for _, went := range c.went {
		redistest.Await(c, func() bool { return went.Load() > 10 })
	}
}
