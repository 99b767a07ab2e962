package queue_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// clusterFleet is a fleet on a cluster of two masters, and the queue "orders" whose slot can move.
type clusterFleet struct {
	fleet
	cluster *redis.ClusterClient
	prefix  string // of the queue's keys
}

func newClusterFleet(t *testing.T) *clusterFleet {
	t.Helper()
	cluster, _ := redistest.NewCluster(t)
	f := &clusterFleet{fleet: fleet{T: t, namespace: redistest.Namespace(), events: newRecorder()}, cluster: cluster}
	f.prefix = f.namespace + ":{orders}:"
	var err error
	f.client, err = queue.NewClient(cluster, queue.ClientConfig{Namespace: f.namespace, Timeout: time.Minute})
	f.must(err)
	t.Cleanup(func() { _ = f.client.Close() })
	f.inspect, err = inspect.New(cluster, inspect.Config{Namespace: f.namespace})
	f.must(err)
	return f
}

func (f *clusterFleet) start(mux *queue.Mux, lease time.Duration) *queue.Worker {
	f.Helper()
	w, err := queue.NewWorker(f.cluster, mux, queue.WorkerConfig{
		Namespace: f.namespace, Observer: f.events, Lease: lease, Queues: map[string]queue.QueueConfig{"orders": {}},
	})
	f.must(err)
	f.must(w.Start(f.Context()))
	f.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			f.Error(err)
		}
	})
	return w
}

func (f *clusterFleet) move() *redistest.SlotMove {
	f.Helper()
	return redistest.NewSlotMove(f.T, f.cluster, f.prefix)
}

// leaseEnds is when the only worker's lease ends.
func (f *clusterFleet) leaseEnds() float64 {
	f.Helper()
	leases, err := f.cluster.ZRangeWithScores(f.Context(), f.prefix+"workers", 0, -1).Result()
	f.must(err)
	if len(leases) != 1 {
		f.Fatalf("%d leases", len(leases))
	}
	return leases[0].Score
}

// Where a slot moves key by key, most scripts are refused for as long as it takes. Nothing is lost by that, also if it
// takes longer than a lease, and what people and programs do meanwhile happens when it is over.
func TestASlotThatMovesKeyByKeyCostsNoLease(t *testing.T) {
	t.Parallel()
	f := newClusterFleet(t)
	running, goOn, runs := make(chan struct{}, 1), make(chan struct{}), atomic.Int64{}
	mux := muxOf("long", func(ctx context.Context, run *queue.Run) error {
		runs.Add(1)
		running <- struct{}{}
		<-goOn
		return errors.Join(run.SetProgress(ctx, 50, "half"), context.Cause(ctx))
	}, queue.Retain(time.Minute))
	mux.HandleKind("plain", noop)
	mux.HandleKind("flaky", func(_ context.Context, run *queue.Run) error {
		if run.Attempt == 1 {
			return errors.New("again")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond))
	f.start(mux, 2*time.Second)
	f.enqueueMany("plain", 20)
	f.enqueueMany("flaky", 5, queue.In(time.Millisecond))
	f.enqueue("long", `{}`, queue.ID("long"))
	later := f.enqueue("plain", `{}`, queue.In(time.Hour))
	<-running
	f.await(queue.EventDone, 25)
	move := f.move()
	move.Begin()
	move.Migrate(f.prefix+"stats", f.prefix+"workers")

	results := make(chan error, 8)
	for _, opts := range [][]queue.EnqueueOption{
		{queue.ID("guarded")}, {queue.Unique("once", time.Minute)}, {queue.In(time.Millisecond)}, {},
	} {
		go func() {
			_, err := f.client.Enqueue(t.Context(), queue.JSON("flaky", []byte(`{}`)), append(opts, queue.On("orders"))...)
			results <- err
		}()
	}
	first := f.leaseEnds()
	f.eventually("the lease was extended beyond the first one, twice over", func() bool {
		return f.leaseEnds() > first+4000
	})
	close(goOn) // it ends while nothing can be recorded
	go func() { results <- f.inspect.RunNow(t.Context(), "orders", later.ID) }()
	if lost := f.events.of(queue.EventLeaseLost); len(lost) > 0 {
		t.Fatalf("got %v", lost)
	}
	move.Finish()
	for range 5 {
		f.must(<-results)
	}
	f.await(queue.EventDone, 31)
	if n := runs.Load(); n != 1 {
		t.Errorf("a job ran %d times", n)
	}
	f.isInOrder()
	back := f.move()
	back.Begin()
	f.enqueueMany("flaky", 3)
	back.Finish()
	f.await(queue.EventDone, 34)
	f.isInOrder()
}

// isInOrder checks that every job is accounted for, and that no worker was thought dead.
func (f *clusterFleet) isInOrder() {
	f.Helper()
	if audit := f.verify(); !audit.OK() {
		f.Errorf("got %+v", audit)
	}
	for _, never := range []queue.EventType{
		queue.EventLeaseLost, queue.EventWorkerReaped, queue.EventReclaimed, queue.EventDropped,
	} {
		if found := f.events.of(never); len(found) > 0 {
			f.Errorf("got %v", found)
		}
	}
}

// enqueueMany enqueues a number of jobs of a kind.
func (f *clusterFleet) enqueueMany(kind string, n int, opts ...queue.EnqueueOption) {
	f.Helper()
	for range n {
		f.fleet.enqueue(kind, `{}`, opts...)
	}
}

// Where the server moves a slot at once nothing is refused at all.
func TestASlotThatMovesAtOnce(t *testing.T) {
	t.Parallel()
	f := newClusterFleet(t)
	f.start(muxOf("plain", noop), 2*time.Second)
	done, stop := make(chan int), make(chan struct{})
	go func() {
		n := 0
		defer func() { done <- n }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			opts := slices.Concat([]queue.EnqueueOption{queue.On("orders")},
				[][]queue.EnqueueOption{{}, {queue.ID(redistest.Namespace())}, {queue.In(time.Millisecond)}}[n%3])
			if _, err := f.client.Enqueue(t.Context(), queue.JSON("plain", []byte(`{}`)), opts...); err != nil {
				t.Error(err)
				return
			}
			n++
		}
	}()
	f.await(queue.EventDone, 30)
	move := f.move()
	move.AtOnce()
	f.await(queue.EventDone, len(f.events.of(queue.EventDone))+30)
	move.Back().AtOnce()
	f.await(queue.EventDone, len(f.events.of(queue.EventDone))+30)
	close(stop)
	f.await(queue.EventDone, <-done)
	f.isInOrder()
}

// What a job with Durable waits for counts for one connection, so the client has to follow the slot itself.
func TestDurableFollowsASlotThatMoves(t *testing.T) {
	t.Parallel()
	f := newClusterFleet(t)
	move := f.move()
	redistest.NewReplica(t, move.To)
	enqueue := func(when string, replicas int, opts ...queue.EnqueueOption) {
		t.Helper()
		job, err := f.client.Enqueue(t.Context(), charge{"o-1", 1}, append(opts, queue.On("orders"),
			queue.Durable(queue.Replicated(1, 500*time.Millisecond)))...)
		if replicas == 0 && !errors.Is(err, queue.ErrNotDurable) || replicas == 1 && err != nil ||
			job == nil || job.Reached == nil || job.Reached.Replicas != replicas {
			t.Fatalf("%s: %+v, %v", when, job, err)
		}
	}
	enqueue("at the master that has no replica", 0)
	move.Begin()
	enqueue("the keys have not moved", 0)
	move.Migrate(f.namespace + ":{orders}")
	enqueue("the stream has moved", 1)
	late := make(chan error, 1)
	go func() {
		_, err := f.client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"), queue.ID("o-1"),
			queue.Durable(queue.Replicated(1, 5*time.Second)))
		late <- err
	}()
	f.eventually("the one with an ID was refused", func() bool {
		return strings.Contains(move.To.Info(t.Context(), "errorstats").Val(), "errorstat_TRYAGAIN")
	})
	move.Finish()
	f.must(<-late)
	for range 20 { // none is refused while the client's map is old
		enqueue("the slot has moved", 1)
	}
	enqueue("with an ID", 1, queue.ID("o-2"))
	if n := f.cluster.XLen(t.Context(), f.namespace+":{orders}").Val(); n != 25 {
		t.Errorf("%d jobs", n)
	}
}
