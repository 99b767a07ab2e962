package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// only waits for the only worker of a queue, which joins by itself after its start, and returns its name.
func (f *fleet) only(queueName string) (name string) {
	f.Helper()
	f.eventually("a worker has joined "+queueName, func() bool {
		workers, err := f.inspect.Workers(f.Context(), queueName)
		if err != nil || len(workers) != 1 {
			return false
		}
		name = workers[0].Name
		return true
	})
	return name
}

// command gives a command to the only worker of a queue.
func (f *fleet) command(queueName string, command inspect.WorkerCommand) {
	f.Helper()
	f.must(f.inspect.CommandWorker(inspect.WithActor(f.Context(), "olga smith"), queueName, f.only(queueName), command))
}

// awaitState waits until the only worker of a queue says that it is in a state.
func (f *fleet) awaitState(queueName string, state inspect.WorkerState) {
	f.Helper()
	f.eventually(queueName+"'s worker is "+string(state), func() bool {
		workers, err := f.inspect.Workers(f.Context(), queueName)
		return err == nil && len(workers) == 1 && workers[0].State == state
	})
}

func TestQuietWorkerStartsNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	for range 6 {
		f.enqueue("k", `{}`)
	}
	f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) {
		c.Concurrency, c.ReadAhead, c.Name = 2, 4, "w"
		c.Queues["events"] = queue.QueueConfig{}
	})
	receive(t, b.began)
	receive(t, b.began)
	f.command("events", inspect.CommandQuiet) // given at one queue, applied at all
	if e := f.await(queue.EventWorkerQuiet, 1)[0]; e.By != "olga smith" || e.Worker != "w" {
		t.Errorf("the event: %+v", e)
	}
	f.awaitState("orders", inspect.WorkerQuiet)
	f.awaitState("events", inspect.WorkerQuiet)
	_, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("events"))
	f.must(err)
	b.free <- struct{}{}
	b.free <- struct{}{}
	f.await(queue.EventDone, 2) // what runs goes on
	if n := f.awaitHandedBack(); n != 4 {
		t.Errorf("%d jobs handed back, want the 4 that were read ahead", n)
	}
	select {
	case run := <-b.began:
		t.Errorf("job %s started on a quiet worker", run.ID)
	case <-time.After(1200 * time.Millisecond): // longer than a waiting read
	}
	if paused := f.events.of(queue.EventPaused); len(paused) > 0 {
		t.Errorf("nobody has paused a queue: %+v", paused)
	}
	f.command("orders", inspect.CommandWake)
	f.await(queue.EventWorkerAwake, 1)
	close(b.free)
	f.await(queue.EventDone, 7)
	f.awaitState("events", inspect.WorkerWorking)
	for _, e := range f.await(queue.EventStarted, 7) {
		if e.Redelivered != 0 || e.Attempt != 1 {
			t.Errorf("the order counted: %+v", e)
		}
	}
}

// A command concerns the process, so it outlives the loss of a lease, and a queue that is resumed.
func TestQuietOutlivesTheLease(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop))
	f.command("orders", inspect.CommandQuiet)
	f.await(queue.EventWorkerQuiet, 1)
	f.must(f.rdb.Del(t.Context(), f.namespace+":{orders}:worker:"+f.only("orders")).Err())
	f.await(queue.EventWorkerJoined, 2)
	f.must(f.inspect.Pause(t.Context(), "orders"))
	f.await(queue.EventPaused, 1)
	f.must(f.inspect.Resume(t.Context(), "orders"))
	f.await(queue.EventResumed, 1)
	f.enqueue("k", `{}`)
	f.eventually("it is quiet under its new name", func() bool {
		workers, err := f.inspect.Workers(t.Context(), "orders")
		f.must(err)
		return slices.ContainsFunc(workers, func(w inspect.WorkerInfo) bool { return w.State == inspect.WorkerQuiet })
	})
	if started := f.events.of(queue.EventStarted); len(started) > 0 {
		t.Errorf("a quiet worker started a job: %+v", started)
	}
}

func TestWorkerStopsWhenTold(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	f.enqueue("k", `{}`)
	worker, err := queue.NewWorker(f.rdb, muxOf("k", b.handle), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Observer: f.events,
	})
	f.must(err)
	ran := make(chan error, 1)
	go func() { ran <- worker.Run(f.Context()) }()
	receive(t, b.began)
	f.command("orders", inspect.CommandStop)
	f.command("orders", inspect.CommandStop) // twice is once
	if e := f.await(queue.EventWorkerStopping, 1)[0]; e.By != "olga smith" {
		t.Errorf("the event: %+v", e)
	}
	f.awaitState("orders", inspect.WorkerStopping)
	f.enqueue("k", `{}`)
	close(b.free)
	if err := receive(t, ran); err != nil {
		t.Errorf("Run: %v", err)
	}
	receive(t, worker.Stopped())
	if i := f.info(); i.Totals.Done != 1 || i.Waiting != 1 || i.Workers != 0 {
		t.Errorf("what ran is done, and nothing else has begun: %+v", i)
	}
}

// A program that calls Start needs to know nothing of orders; a handler that takes longer than the grace is handed
// back.
func TestStartedWorkerStopsWhenTold(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	job := f.enqueue("k", `{}`)
	worker := f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) { c.Grace = 100 * time.Millisecond })
	receive(t, b.began)
	f.command("orders", inspect.CommandStop)
	receive(t, worker.Stopped())
	if cause := receive(t, b.ended); !errors.Is(cause, queue.ErrStopping) {
		t.Errorf("the handler's context ended with %v", cause)
	}
	if info, err := f.inspect.Job(t.Context(), "orders", job.ID); err != nil || info.Redelivered != 0 {
		t.Errorf("the job: %+v, %v", info, err)
	}
}

func TestOrdersThatNobodyHears(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	worker := f.start(muxOf("k", noop))
	name := f.only("orders")
	if err := f.inspect.CommandWorker(t.Context(), "orders", name, "dance"); err == nil {
		t.Error("an unknown command: accepted")
	}
	if err := f.inspect.CommandWorker(t.Context(), "nope", name, inspect.CommandQuiet); !errors.Is(err,
		inspect.ErrNotFound) {
		t.Errorf("at a queue that there is not: %v", err)
	}
	if err := f.inspect.CommandWorker(t.Context(), "orders", "w#000000", inspect.CommandQuiet); !errors.Is(err,
		inspect.ErrNotFound) {
		t.Errorf("to a worker that there is not: %v", err)
	}
	stop, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f.must(worker.Stop(stop))
	if err := f.inspect.CommandWorker(t.Context(), "orders", name, inspect.CommandWake); !errors.Is(err,
		inspect.ErrNotFound) {
		t.Errorf("to a worker that has left: %v", err)
	}
	if n := f.rdb.Exists(t.Context(), f.namespace+":{orders}:worker:"+name).Val(); n != 0 {
		t.Error("the order brought the worker back from the dead")
	}
}

// Between the order and the end, nothing that waits is begun.
func TestQuietWorkerThatStopsStartsNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	worker := f.start(muxOf("k", noop))
	f.command("orders", inspect.CommandQuiet)
	f.awaitState("orders", inspect.WorkerQuiet)
	f.enqueue("k", `{}`)
	f.command("orders", inspect.CommandStop)
	receive(t, worker.Stopped())
	if i := f.info(); i.Totals.Done != 0 || i.Waiting+i.InFlight != 1 {
		t.Fatalf("a quiet worker started a job as it stopped: %+v", i)
	}
}
