package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestPausedQueueStartsNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	for range 10 {
		f.enqueue("k", `{}`)
	}
	f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead = 2, 4 })
	receive(t, b.began)
	receive(t, b.began)
	f.must(f.inspect.Pause(inspect.WithActor(t.Context(), "alice"), "orders"))
	f.must(f.inspect.Pause(inspect.WithActor(t.Context(), "bob"), "orders"))
	if p := f.info().Paused; p == nil || p.By != "alice" || time.Since(p.At) > time.Minute ||
		time.Since(p.At) < -time.Second {
		t.Fatalf("paused: %+v, want by alice, the first", p)
	}
	f.await(queue.EventPaused, 1)
	late := f.enqueue("k", `{}`, queue.In(time.Millisecond)) // promotion goes on
	f.eventually("it is promoted", func() bool { return f.info().Totals.Promoted == 1 })
	b.free <- struct{}{}
	b.free <- struct{}{}
	f.await(queue.EventDone, 2) // what ran goes on
	f.awaitHandedBack()
	f.start(muxOf("k", b.handle)) // a worker that comes to a paused queue starts nothing either
	f.await(queue.EventPaused, 2)
	select {
	case run := <-b.began:
		t.Errorf("job %s started on a paused queue", run.ID)
	case <-time.After(1200 * time.Millisecond): // longer than a waiting read
	}

	f.must(f.inspect.Resume(t.Context(), "orders"))
	f.must(f.inspect.Resume(t.Context(), "orders"))
	close(b.free)
	f.await(queue.EventDone, 11)
	f.empty()
	for _, e := range f.await(queue.EventStarted, 11) {
		if e.Redelivered != 0 || e.Attempt != 1 {
			t.Errorf("a pause counted: %+v", e)
		}
	}
	if f.info().Paused != nil {
		t.Error("still paused")
	}
	if job, err := f.inspect.Job(t.Context(), "orders", late.ID); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("the promoted job: %+v, %v", job, err)
	}
}

func TestPauseIsOfOneQueue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	_, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("events"))
	f.must(err)
	f.must(f.inspect.Pause(t.Context(), "orders"))
	f.start(muxOf("k", noop), func(c *queue.WorkerConfig) { c.Queues["events"] = queue.QueueConfig{} })
	f.await(queue.EventPaused, 1)
	if done := f.await(queue.EventDone, 1); done[0].Queue != "events" || f.info().Waiting != 1 {
		t.Errorf("got %+v, and %+v", done, f.info())
	}
	for what, err := range map[string]error{
		"pause": f.inspect.Pause(t.Context(), "nope"), "resume": f.inspect.Resume(t.Context(), "nope"),
	} {
		if !errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("%s of no queue: %v", what, err)
		}
	}
}
