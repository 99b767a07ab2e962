package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

type charge struct {
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"`
}

func (charge) Kind() string { return "payment.charge" }

// Field bug 4: acknowledged entries never leave.
func TestJobRunsOnceAndLeavesRedis(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	got := make(chan *queue.Job[charge], 1)
	mux := queue.NewMux()
	queue.Handle(mux, func(ctx context.Context, job *queue.Job[charge]) error {
		if run, ok := queue.FromContext(ctx); !ok || run.ID != job.ID {
			t.Error("the run is not in the handler's context")
		}
		got <- job
		return nil
	})
	f.start(mux)
	sent, err := f.client.Enqueue(t.Context(), charge{"o-42", 1999}, queue.On("orders"))
	f.must(err)
	job := receive(t, got)
	if job.ID != sent.ID || job.Args != (charge{"o-42", 1999}) || job.Attempt != 1 || job.Redelivered != 0 ||
		job.MaxAttempts != queue.DefaultMaxAttempts {
		t.Errorf("got %+v with %+v", job.Run, job.Args)
	}
	if age := time.Since(job.EnqueuedAt); age < 0 || age > time.Minute {
		t.Errorf("enqueued %s ago", age)
	}
	f.empty()
	if n := f.rdb.XLen(t.Context(), f.info().Stream).Val(); n != 0 {
		t.Errorf("%d entries left in the stream", n)
	}
	if done := f.info().Totals.Done; done != 1 {
		t.Errorf("counted %d done", done)
	}
	if _, err := f.inspect.Job(t.Context(), "orders", sent.ID); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("a done job without Retain is still there: %v", err)
	}
}

func TestFailTwiceThenSucceed(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("flaky", func(_ context.Context, run *queue.Run) error {
		if run.Attempt <= 2 {
			return fmt.Errorf("not yet (attempt %d)", run.Attempt)
		}
		if want := "not yet (attempt 2)"; run.LastError != want {
			t.Errorf("last error %q, want %q", run.LastError, want)
		}
		return run.SetResult("at last")
	}, queue.Backoff(40*time.Millisecond, time.Minute), queue.Retain(time.Minute))
	var given sync.Map // every time that the worker was given
	f.start(mux, func(c *queue.WorkerConfig) {
		c.Rand = func() float64 { return 0 } // a quarter less
		c.Now = func() time.Time {
			now := time.Now()
			given.Store(now.UnixNano(), true)
			return now
		}
	})
	job := f.enqueue("flaky", `{}`)
	f.await(queue.EventDone, 1)
	for i, e := range f.await(queue.EventFailed, 2) {
		delay := []time.Duration{30 * time.Millisecond, 60 * time.Millisecond}[i]
		if _, ok := given.Load(e.Due.Add(-delay).UnixNano()); !ok {
			t.Errorf("failure %d at %s: due at %s, want %s after a moment at which it looked", i+1, e.Time, e.Due, delay)
		}
	}
	info, err := f.inspect.Job(t.Context(), "orders", job.ID)
	f.must(err)
	if info.State != inspect.StateDone || string(info.Result) != `"at last"` || info.Attempt != 3 {
		t.Errorf("got %+v", info)
	}
	if totals := f.info().Totals; totals.Retried != 2 || totals.Done != 1 {
		t.Errorf("totals %+v", totals)
	}
}

func TestAlwaysFailingIsDeadAndComesBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("broken", func(context.Context, *queue.Run) error { return errors.New("out of order") },
		queue.Backoff(time.Millisecond, time.Millisecond), queue.MaxAttempts(3))
	f.start(mux)
	job := f.enqueue("broken", `{"n":1}`)
	f.await(queue.EventDead, 1)
	info, err := f.inspect.Job(t.Context(), "orders", job.ID)
	f.must(err)
	if info.State != inspect.StateDead || info.Attempt != 3 || info.Error != "out of order" ||
		info.Reason != inspect.ReasonAttempts || string(info.Data) != `{"n":1}` {
		t.Errorf("got %+v", info)
	}
	f.must(f.inspect.Requeue(t.Context(), "orders", job.ID))
	dead := f.await(queue.EventDead, 2)
	if dead[1].Attempt != 3 || dead[1].Job != job.ID {
		t.Errorf("after a requeue: %+v", dead[1])
	}
	if started := f.events.of(queue.EventStarted); len(started) != 6 {
		t.Errorf("%d runs, want 6", len(started))
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("cancel", func(context.Context, *queue.Run) error { return queue.Cancel(errors.New("card declined")) })
	mux.HandleKind("panic", func(context.Context, *queue.Run) error { panic("ouch") }, queue.MaxAttempts(1))
	mux.HandleKind("slow", func(ctx context.Context, _ *queue.Run) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}, queue.MaxAttempts(1), queue.Timeout(20*time.Millisecond))
	mux.HandleKind("snooze", func(_ context.Context, run *queue.Run) error {
		if run.Attempt != 1 {
			t.Errorf("a snooze burned an attempt: %d", run.Attempt)
		}
		if len(f.events.of(queue.EventSnoozed)) < 2 {
			return queue.Snooze(time.Millisecond)
		}
		return nil
	})
	queue.Handle(mux, func(context.Context, *queue.Job[charge]) error { return nil })
	f.start(mux, func(c *queue.WorkerConfig) { c.Queues["orders"] = queue.QueueConfig{UnknownFor: -1} })
	want := map[string]struct{ reason, text string }{
		f.enqueue("cancel", `{}`).ID:                    {inspect.ReasonCancelled, "card declined"},
		f.enqueue("panic", `{}`).ID:                     {inspect.ReasonAttempts, "TestOutcomes"}, // in the stack
		f.enqueue("slow", `{}`).ID:                      {inspect.ReasonAttempts, "timed out"},
		f.enqueue("payment.charge", `{"cents":"x"}`).ID: {inspect.ReasonUndecodable, "cannot unmarshal"},
		f.enqueue("nobody.knows", `{}`).ID:              {inspect.ReasonUnknownKind, "nobody.knows"},
	}
	f.enqueue("snooze", `{}`)
	f.await(queue.EventDead, len(want))
	f.await(queue.EventDone, 1)
	for id, w := range want {
		info, err := f.inspect.Job(t.Context(), "orders", id)
		f.must(err)
		if info.State != inspect.StateDead || info.Reason != w.reason || !strings.Contains(info.Error, w.text) {
			t.Errorf("%s: %s, %q, %q; want %q, %q", info.Kind, info.State, info.Reason, info.Error, w.reason, w.text)
		}
	}
}

func TestDelayedStartsWhenDue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("later", func(context.Context, *queue.Run) error { return nil })
	f.start(mux)
	job := f.enqueue("later", `{}`, queue.In(150*time.Millisecond))
	started := f.await(queue.EventStarted, 1)[0]
	if late := started.Time.Sub(*job.Due); late < 0 || late > time.Second {
		t.Errorf("started %s after it was due", late)
	}
}
