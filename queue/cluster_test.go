package queue_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// On a cluster a script may touch one slot, and only the keys that it declares; a pipeline may not be answered by
// another node. A cluster of one node is as strict about both as one of a hundred.
func TestOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	f := newFleetOn(t, server) // its own client is not used: it knows nothing of slots
	f.must(f.rdb.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	for !strings.Contains(f.rdb.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: f.namespace})
	f.must(err)
	defer client.Close()
	f.inspect, err = inspect.New(rdb, inspect.Config{Namespace: f.namespace})
	f.must(err)

	mux := clusterMux()
	start := func() *queue.Worker {
		w, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{
			Namespace: f.namespace, Observer: f.events, Lease: time.Second,
			Queues: map[string]queue.QueueConfig{"orders": {}, "clu:raw": {Raw: &queue.Raw{Kind: "plain"}}},
		})
		f.must(err)
		f.must(w.Start(t.Context()))
		return w
	}
	first := start()
	enqueue := func(kind string, opts ...queue.EnqueueOption) string {
		t.Helper()
		job, err := client.Enqueue(t.Context(), queue.JSON(kind, []byte(`{}`)), append(opts, queue.On("orders"))...)
		f.must(err)
		return job.ID
	}
	for range 20 {
		enqueue("plain")
		enqueue("k", queue.Unique("u"+redistest.Namespace(), time.Minute), queue.ID("i"+redistest.Namespace()))
		enqueue("flaky", queue.In(5*time.Millisecond))
		enqueue("k", queue.UniqueUntilEnded("e"+redistest.Namespace()))
		enqueue("k", queue.UniqueUntilStarted("s"+redistest.Namespace()), queue.Retain(time.Minute))
	}
	_, err = client.Enqueue(t.Context(), queue.JSON("plain", []byte(`{}`)), queue.On("orders"),
		queue.Durable(queue.Replicated(1, time.Millisecond)))
	if !errors.Is(err, queue.ErrNotDurable) {
		t.Errorf("got %v, want ErrNotDurable: there is no replica", err)
	}
	dead := enqueue("broken", queue.Unique("dead", time.Minute))
	f.must(rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "clu:raw", Values: []string{"a", "b"}}).Err())
	f.await(queue.EventDone, 102)
	f.await(queue.EventDead, 1)
	f.must(f.inspect.Requeue(t.Context(), "orders", dead))
	f.await(queue.EventDead, 2)
	f.must(f.inspect.Delete(t.Context(), "orders", dead))
	f.must(first.Stop(t.Context()))
	f.personOnACluster(enqueue)
	second := start()
	enqueue("plain")
	f.must(f.inspect.Resume(t.Context(), "orders"))
	f.await(queue.EventDone, 65) // two in a batch
	f.must(second.Stop(t.Context()))
	f.inOrder()
}

// inOrder checks that every job is accounted for, and that no worker was in trouble.
func (f *fleet) inOrder() {
	f.Helper()
	if audit := f.verify(); !audit.OK() {
		f.Errorf("got %+v", audit)
	}
	if trouble := f.events.of(queue.EventRedisError); len(trouble) > 0 {
		f.Errorf("got %v", trouble)
	}
}

// personOnACluster does what a person does, while no worker is there; it leaves the queue paused, and two jobs.
func (f *fleet) personOnACluster(enqueue func(kind string, opts ...queue.EnqueueOption) string) {
	f.Helper()
	ctx := f.Context()
	f.must(f.inspect.Pause(ctx, "orders"))
	waiting, delayed := enqueue("plain", queue.Unique("waiting", time.Minute)), enqueue("plain", queue.In(time.Hour))
	f.must(f.inspect.Cancel(ctx, "orders", waiting))
	f.must(f.inspect.Bury(ctx, "orders", delayed))
	f.must(f.inspect.Requeue(ctx, "orders", delayed))
	f.holdAs("dead#1", 1)
	f.must(f.inspect.Release(ctx, "orders", delayed))
	for _, state := range []inspect.State{inspect.StateInFlight, inspect.StateDead} {
		tally, err := f.inspect.Act(ctx, "orders", inspect.Query{State: state, Kind: "plain"},
			map[inspect.State]inspect.Action{
				inspect.StateInFlight: inspect.ActionBury, inspect.StateDead: inspect.ActionDelete,
			}[state], nil)
		if err != nil || tally.Done == 0 {
			f.Errorf("all that are %s: %+v, %v", state, tally, err)
		}
	}
	later := []string{enqueue(event{}.Kind(), queue.In(time.Hour)), enqueue(event{}.Kind(), queue.In(time.Hour))}
	f.must(f.inspect.RunNow(ctx, "orders", later[0]))
	f.must(f.inspect.Reschedule(ctx, "orders", later[1], time.Now()))
}

// A client of a cluster sends a command again when its connection breaks. A claim that is sent again takes other
// entries, and nobody knows of the first.
func TestLostClaimReplyOnACluster(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--cluster-enabled", "yes"))
	f.must(f.rdb.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	f.eventually("the cluster is ready", func() bool {
		return strings.Contains(f.rdb.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	for range 3 {
		f.enqueue("k", `{}`)
	}
	f.holdAs("~released", 3)
	p := newProxy(t, f.server.Addr)
	isClaim := func(request []byte) bool { return bytes.Contains(request, []byte("local taken, left")) } // its text
	p.cutOn.Store(&isClaim)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
		return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{{Addr: p.addr()}}}}, nil
	}})
	defer rdb.Close()
	w, err := queue.NewWorker(rdb, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 3, ReadAhead: -1,
		Observer: f.events,
		Lease:    time.Minute, // longer than the test: nobody else may save the jobs
	})
	f.must(err)
	f.must(w.Start(t.Context()))
	f.await(queue.EventDone, 3)
	f.must(w.Stop(t.Context()))
	if len(f.events.of(queue.EventRedisError)) == 0 {
		t.Error("no connection was cut: the test shows nothing")
	}
}

// clusterMux has a kind for each way in which a run can end.
func clusterMux() *queue.Mux {
	mux := muxOf("k", func(ctx context.Context, run *queue.Run) error {
		return errors.Join(run.SetProgress(ctx, 50, "half"), run.SetResult("done"))
	}, queue.Retain(time.Minute))
	mux.HandleKind("plain", noop)
	queue.HandleBatch(mux, func(context.Context, []*queue.Job[event]) error { return nil }, queue.BatchOf(2))
	mux.HandleKind("flaky", func(_ context.Context, run *queue.Run) error {
		if run.Attempt == 1 {
			return errors.New("again")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond))
	mux.HandleKind("broken", func(context.Context, *queue.Run) error { return queue.Cancel(nil) })
	return mux
}
