package queue_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

func TestDurableOnReplicas(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	replicated := queue.Durable(queue.Replicated(1, 100*time.Millisecond))
	job, err := f.client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"), replicated)
	if !errors.Is(err, queue.ErrNotDurable) || job == nil || job.Reached == nil || job.Reached.Replicas != 0 {
		t.Errorf("without a replica: %+v, %v", job, err)
	}
	host, port, _ := net.SplitHostPort(f.server.Addr)
	replica := redistest.New(t, "--replicaof", host+" "+port)
	f.eventually("the replica has caught up", func() bool {
		return replica.Client(t).XLen(t.Context(), f.stream()).Val() == 1
	})
	for _, opts := range [][]queue.EnqueueOption{{}, {queue.In(time.Hour)}, {queue.ID("o-3")}} {
		job, err = f.client.Enqueue(t.Context(), charge{"o-2", 1},
			append(opts, queue.On("orders"), queue.Durable(queue.Replicated(1, 5*time.Second)))...)
		if err != nil || job.Reached.Replicas != 1 {
			t.Errorf("with a replica: %+v, %v", job, err)
		}
	}
	if info := f.info(); info.Waiting != 3 || info.Delayed != 1 {
		t.Errorf("%d waiting, %d delayed", info.Waiting, info.Delayed)
	}
}

// Without a replica, each job with Durable keeps a connection for all of its time.
func TestJobsThatWaitForReplicasHoldUpNoOthers(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	connections, long := f.rdb.Options().PoolSize, 3*time.Second
	waiting := make(chan error, 2*connections)
	for range cap(waiting) {
		go func() {
			_, err := f.client.Enqueue(ctx, charge{"o-1", 1}, queue.On("orders"),
				queue.Durable(queue.Replicated(1, long)))
			waiting <- err
		}()
	}
	f.eventually("no further job gets to wait", func() bool {
		clients := f.rdb.InfoMap(t.Context(), "clients").Val()["Clients"]
		blocked, _ := strconv.Atoi(clients["blocked_clients"])
		return blocked >= connections-4
	})
	began := time.Now()
	for range 20 {
		if _, err := f.client.Enqueue(t.Context(), charge{"o-2", 1}, queue.On("orders")); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > long/2 {
		t.Errorf("20 jobs took %s beside those that wait for a replica", took)
	}
	cancel()
	for range cap(waiting) {
		if err := <-waiting; err == nil {
			t.Error("a job was said to have a replica")
		}
	}
}

func TestDurableOnDisk(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--appendonly", "yes"))
	job, err := f.client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"),
		queue.Durable(queue.Fsynced(0, 5*time.Second)))
	if f.rdb.Do(t.Context(), "WAITAOF", 0, 0, 1).Err() != nil { // Redis before 7.2
		if !errors.Is(err, queue.ErrNotDurable) || job == nil {
			t.Errorf("without WAITAOF: %+v, %v", job, err)
		}
		return
	}
	if err != nil || !job.Reached.Fsynced {
		t.Errorf("got %+v, %v", job, err)
	}
}

func TestDurableRefusesNonsense(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, d := range []queue.Durability{{}, queue.Replicated(0, time.Second), queue.Replicated(1, 0),
		queue.Fsynced(-1, time.Second)} {
		if _, err := f.client.Enqueue(t.Context(), charge{}, queue.Durable(d)); err == nil ||
			errors.Is(err, queue.ErrNotDurable) {
			t.Errorf("%+v: got %v", d, err)
		}
	}
	results, err := f.client.EnqueueMany(t.Context(), []queue.Item{
		{Args: charge{}, Options: []queue.EnqueueOption{queue.On("orders"),
			queue.Durable(queue.Replicated(1, time.Millisecond))}},
		{Args: charge{}, Options: []queue.EnqueueOption{queue.On("orders")}},
	})
	if err == nil || !errors.Is(results[0].Err, queue.ErrNotDurable) || results[1].Err != nil || f.info().Waiting != 2 {
		t.Errorf("got %+v, %v", results, err)
	}
}
