package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// unknownFor is how long jobs of unknown kinds wait.
func unknownFor(d time.Duration) func(*queue.WorkerConfig) {
	return func(c *queue.WorkerConfig) { c.Queues = map[string]queue.QueueConfig{"orders": {UnknownFor: d}} }
}

// As in a rolling deploy: one worker has a handler for the new kind, the others do not.
func TestUnknownKindWaitsForAWorker(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("old", noop))
	const jobs = 40
	for range jobs {
		f.enqueue("new", `{}`)
	}
	f.await(queue.EventSnoozed, jobs)
	if unknown := f.info().UnknownKinds; len(unknown) != 1 || unknown[0].Kind != "new" || unknown[0].Workers != 0 {
		t.Errorf("got %+v", unknown)
	}
	page, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateDelayed}, inspect.Page{})
	f.must(err)
	for _, job := range page.Jobs {
		if job.UnknownSince == nil || time.Since(*job.UnknownSince) > time.Minute || job.Attempt != 0 {
			t.Fatalf("got %+v", job)
		}
	}
	joined := time.Now()
	f.start(muxOf("new", noop))
	for _, e := range f.await(queue.EventDone, jobs) {
		if e.Kind != "new" || e.Attempt != 1 || e.Redelivered != 0 || e.Worker == "" {
			t.Fatalf("got %+v", e)
		}
	}
	if took := time.Since(joined); took > 5*time.Second {
		t.Errorf("a worker that has the kind had done them after %s", took)
	}
	f.empty()
	if unknown := f.info().UnknownKinds; len(unknown) != 1 || unknown[0].Workers != 1 {
		t.Errorf("with a worker that has the kind: %+v", unknown)
	}
	if len(f.events.of(queue.EventDead)) > 0 {
		t.Error("a job is dead")
	}
	if audit := f.verify(); !audit.OK() {
		t.Errorf("got %+v", audit)
	}
}

func TestUnknownKindIsDeadInTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wait    time.Duration
		snoozes int
	}{"after its time": {300 * time.Millisecond, 1}, "at once": {-1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.start(muxOf("old", noop), unknownFor(c.wait))
			began := time.Now()
			job := f.enqueue("new", `{}`)
			f.await(queue.EventDead, 1)
			if took := time.Since(began); took < c.wait {
				t.Errorf("dead after %s", took)
			}
			if n := len(f.events.of(queue.EventSnoozed)); n < c.snoozes || c.snoozes == 0 && n > 0 {
				t.Errorf("it was put off %d times", n)
			}
			info, err := f.inspect.Job(t.Context(), "orders", job.ID)
			f.must(err)
			if info.Reason != inspect.ReasonUnknownKind || info.Attempt != 0 || !strings.Contains(info.Error, `"new"`) {
				t.Errorf("got %+v", info)
			}
		})
	}
}

// A person may end a job that waits for a worker that has its kind.
func TestCancelAJobOfAnUnknownKind(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("old", noop))
	job := f.enqueue("new", `{}`)
	f.await(queue.EventSnoozed, 1)
	f.eventually("it is cancelled", func() bool {
		_ = f.inspect.Cancel(t.Context(), "orders", job.ID) // it may be read again meanwhile
		info, err := f.inspect.Job(context.Background(), "orders", job.ID)
		return err == nil && info.Reason == inspect.ReasonByPerson
	})
}

func TestUnknownForIsChecked(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, d := range []time.Duration{-2, time.Microsecond} {
		_, err := queue.NewWorker(f.rdb, muxOf("k", noop), queue.WorkerConfig{
			Queues: map[string]queue.QueueConfig{"orders": {UnknownFor: d}},
		})
		if err == nil || !strings.Contains(err.Error(), "unknown for") {
			t.Errorf("%s: %v", d, err)
		}
	}
}
