package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// What a worker has read and not started is in flight for Redis, and waits all the same: it is counted apart, and its
// age is that of the backlog.
func TestWhatHasNotStartedIsNotHiddenInFlight(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	began := time.Now()
	for range 12 {
		f.enqueue("k", `{}`)
	}
	f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead = 2, 20 })
	defer close(b.free)
	receive(t, b.began)
	receive(t, b.began)
	f.eventually("ten are held", func() bool {
		i := f.info()
		return i.InFlight == 12 && i.Held == 10 && i.Waiting == 0
	})
	i, since := f.info(), time.Since(began)
	if i.OldestWaiting < since-time.Second || i.OldestWaiting > since+time.Second {
		t.Errorf("the oldest has waited %s, not %s", i.OldestWaiting, since)
	}
	page, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateInFlight}, inspect.Page{})
	f.must(err)
	steps := map[string]int{}
	for _, job := range page.Jobs {
		steps[job.NextStep]++
		if job.Held != strings.HasPrefix(job.NextStep, "held") {
			t.Errorf("held %t: %s", job.Held, job.NextStep)
		}
	}
	if steps["runs"] != 2 || len(steps) != 2 {
		t.Errorf("2 of 12 jobs run: %v", steps)
	}
	workers, err := f.inspect.Workers(t.Context(), "orders")
	f.must(err)
	if len(workers) != 1 || workers[0].Held != 10 || workers[0].InFlight != 12 || workers[0].Running != 2 {
		t.Errorf("the worker is %+v", workers)
	}
}

// What is parked for the next free slot has not started either.
func TestParkedJobsCountAsHeld(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	f.enqueue("k", `{}`)
	f.holdAs("~released", 1)
	f.holdAs("~orphans", 1)
	f.enqueue("k", `{}`)
	if i := f.info(); i.Held != 2 || i.InFlight != 2 || i.Waiting != 1 || i.OldestWaiting <= 0 {
		t.Errorf("the queue is %+v", i)
	}
}

// A batch's open seats are room for its own queue, and not for a slow one beside it.
func TestSeatsOfABatchAreNoRoomForOtherQueues(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	mux := muxOf("slow", b.handle)
	queue.HandleBatch(mux, func(context.Context, []*queue.Job[event]) error { return nil },
		queue.BatchOf(100), queue.BatchWithin(time.Hour))
	_, err := f.client.Enqueue(t.Context(), event{}, queue.On("events"))
	f.must(err)
	f.start(mux, func(c *queue.WorkerConfig) {
		c.Concurrency = 2
		c.Queues["events"] = queue.QueueConfig{}
		c.Grace = time.Millisecond
	})
	defer close(b.free)
	f.eventually("the batch gathers", func() bool {
		i, err := f.inspect.Queue(t.Context(), "events")
		f.must(err)
		return i.Held == 1
	})
	for range 50 {
		f.enqueue("slow", `{}`)
	}
	receive(t, b.began)
	f.eventually("the batch gathers no more than its own", func() bool {
		i := f.info()
		return i.InFlight-i.Held == 1 && i.InFlight <= 3 && i.Waiting >= 47
	})
	for range 20 { // for a while
		if i := f.info(); i.InFlight > 3 {
			t.Fatalf("%d jobs in flight on one free slot", i.InFlight)
		}
	}
}
