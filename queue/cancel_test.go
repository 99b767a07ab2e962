package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestCancelInEveryState(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ctx := inspect.WithActor(t.Context(), "alice")
	ids := inEveryState(f, 2)
	delete(ids, inspect.StateInFlight) // running: see below
	for state, all := range ids {
		err := f.inspect.Cancel(ctx, "orders", all[0])
		if state == inspect.StateDead || state == inspect.StateCancelled || state == inspect.StateExpired ||
			state == inspect.StateDone {
			if !errors.Is(err, inspect.ErrNotFound) {
				t.Errorf("a job that is %s: %v", state, err)
			}
			continue
		}
		f.must(err)
		job, err := f.inspect.Job(ctx, "orders", all[0])
		f.must(err)
		if job.State != inspect.StateCancelled || job.Reason != inspect.ReasonByPerson || job.Error != "cancelled by alice" {
			t.Errorf("a cancelled %s job: %+v", state, job)
		}
		f.must(f.inspect.Requeue(ctx, "orders", all[0])) // undo
		if job, err := f.inspect.Job(ctx, "orders", all[0]); err != nil || job.State != inspect.StateWaiting {
			t.Errorf("after undo: %+v, %v", job, err)
		}
		if job, err := f.inspect.Job(ctx, "orders", all[1]); err != nil || job.State != state {
			t.Errorf("beside a cancelled %s job: %+v, %v", state, job, err)
		}
	}
	if audit := f.verify(); !audit.OK() {
		t.Errorf("got %+v", audit)
	}
	if err := f.inspect.Cancel(ctx, "orders", "nonsense"); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("no such job: %v", err)
	}
}

// A job that no live worker holds need not wait for a heartbeat.
func TestCancelAParkedJob(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, consumer := range []string{"~orphans", "~released", "a dead one#1"} {
		job := f.enqueue("k", `{}`)
		f.holdAs(consumer, 1)
		f.must(f.inspect.Cancel(t.Context(), "orders", job.ID))
		found, err := f.inspect.Job(t.Context(), "orders", job.ID)
		f.must(err)
		if found.State != inspect.StateCancelled || found.Reason != inspect.ReasonByPerson || found.Worker != consumer {
			t.Errorf("got %+v", found)
		}
	}
	if info := f.info(); info.InFlight != 0 || info.Cancelled != 3 || info.Dead != 0 {
		t.Errorf("got %+v", info)
	}
}

func TestCancelFreesTheUniqueKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, opts := range [][]queue.EnqueueOption{nil, {queue.In(time.Hour)}} {
		opts = append(opts, queue.Unique("u", time.Hour))
		first := f.enqueue("k", `{}`, opts...)
		f.must(f.inspect.Cancel(t.Context(), "orders", first.ID))
		if second := f.enqueue("k", `{}`, opts...); second.Duplicate {
			t.Error("a cancelled job holds its unique key")
		} else {
			f.must(f.inspect.Cancel(t.Context(), "orders", second.ID))
		}
	}
}

// A running job's context ends; what its handler then returns decides.
func TestCancelARunningJob(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]func(context.Context) error{
		"it heeds its context": context.Cause,
		"it fails":             func(context.Context) error { return errors.New("some failure") },
		"it snoozes":           func(context.Context) error { return queue.Snooze(time.Hour) },
		"it is done":           func(context.Context) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			began := make(chan struct{})
			f.start(muxOf("k", func(ctx context.Context, _ *queue.Run) error {
				close(began)
				<-ctx.Done()
				if cause := context.Cause(ctx); !errors.Is(cause, queue.ErrCancelled) {
					t.Errorf("the context ended with %v", cause)
				}
				return outcome(ctx)
			}))
			job := f.enqueue("k", `{}`)
			receive(t, began)
			f.must(f.inspect.Cancel(inspect.WithActor(t.Context(), "alice"), "orders", job.ID))
			if name == "it is done" {
				f.await(queue.EventDone, 1)
				f.empty()
			} else {
				f.await(queue.EventCancelled, 1)
				found, err := f.inspect.Job(t.Context(), "orders", job.ID)
				f.must(err)
				if found.Reason != inspect.ReasonByPerson || !strings.HasPrefix(found.Error, "cancelled by alice: ") {
					t.Errorf("got %+v", found)
				}
			}
			f.eventually("the order is forgotten", func() bool {
				return f.rdb.Exists(t.Context(), f.stream()+":cancelled").Val() == 0
			})
			if audit := f.verify(); !audit.OK() {
				t.Errorf("got %+v", audit)
			}
		})
	}
}

// A handler that ignores its context keeps its slot, and is shown as cancelled and reported as stuck.
func TestCancelledHandlerThatGoesOn(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	began, free := make(chan struct{}), make(chan struct{})
	f.start(muxOf("k", func(context.Context, *queue.Run) error {
		close(began)
		<-free
		return errors.New("at last")
	}))
	job := f.enqueue("k", `{}`)
	receive(t, began)
	f.must(f.inspect.Cancel(t.Context(), "orders", job.ID))
	f.await(queue.EventStuck, 1)
	found, err := f.inspect.Job(t.Context(), "orders", job.ID)
	f.must(err)
	if found.State != inspect.StateInFlight || found.Cancelled == nil {
		t.Errorf("got %+v", found)
	}
	close(free)
	f.await(queue.EventCancelled, 1)
}

// The cancellation outlives the worker that should have applied it: the worker that takes the job over does not run it.
func TestCancelFollowsTheJobOfADeadWorker(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	job := f.enqueue("k", `{}`)
	f.holdAs("w#1", 1)
	now := f.rdb.Time(t.Context()).Val().UnixMilli()
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), z("w#1", float64(now+700))).Err()) // it lives a little longer
	f.must(f.inspect.Cancel(t.Context(), "orders", job.ID))
	if found, err := f.inspect.Job(t.Context(), "orders", job.ID); err != nil || found.Cancelled == nil {
		t.Fatalf("got %+v, %v", found, err)
	}
	f.start(muxOf("k", func(context.Context, *queue.Run) error {
		t.Error("a cancelled job ran")
		return nil
	}), func(c *queue.WorkerConfig) { c.Lease = time.Second })
	f.await(queue.EventCancelled, 1)
	if found, err := f.inspect.Job(t.Context(), "orders", job.ID); err != nil || found.Reason != inspect.ReasonByPerson {
		t.Errorf("got %+v, %v", found, err)
	}
}

// A job that was cancelled between its handler's return and the retry is dead: the retry looks.
func TestCancelAgainstARetry(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	job := f.enqueue("k", `{}`)
	f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
		page, err := f.inspect.Search(t.Context(), "orders", inspect.Query{State: inspect.StateInFlight}, inspect.Page{})
		f.must(err)
		// A cancellation that no heartbeat has brought yet.
		f.must(f.rdb.HSet(t.Context(), f.stream()+":cancelled", page.Jobs[0].Entry, `{"by":"alice"}`).Err())
		return errors.New("a failure")
	}), func(c *queue.WorkerConfig) { c.Lease = time.Minute })
	f.await(queue.EventCancelled, 1)
	found, err := f.inspect.Job(t.Context(), "orders", job.ID)
	f.must(err)
	if found.Reason != inspect.ReasonByPerson || found.Error != "cancelled by alice: a failure" {
		t.Errorf("got %+v", found)
	}
}

// The cancellation outlives a worker that stops before the handler has returned: the job does not run again elsewhere.
func TestCancelledJobOfAStoppingWorker(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]string{"alone": "k", "in a batch": event{}.Kind()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			began, free := make(chan struct{}, 2), make(chan struct{})
			handle := func() error {
				began <- struct{}{}
				<-free // a handler that ignores its context
				return errors.New("too late")
			}
			mux := muxOf("k", func(context.Context, *queue.Run) error { return handle() })
			queue.HandleBatch(mux, func(context.Context, []*queue.Job[event]) error { return handle() }, queue.BatchOf(1))
			mux.HandleKind("witness", func(ctx context.Context, _ *queue.Run) error {
				began <- struct{}{}
				<-ctx.Done()
				close(free)
				return context.Cause(ctx)
			})
			job := f.enqueue(kind, `{}`)
			f.enqueue("witness", `{}`)
			w := f.start(mux)
			receive(t, began)
			receive(t, began)
			f.must(f.inspect.Cancel(t.Context(), "orders", job.ID))
			f.eventually("the worker has heard of it", func() bool {
				found, err := f.inspect.Job(t.Context(), "orders", job.ID)
				f.must(err)
				return found.Stuck // by itself, or after a while
			})
			now, cancel := context.WithCancel(t.Context())
			cancel()
			f.must(w.Stop(now))
			f.start(muxOf("k", func(context.Context, *queue.Run) error {
				t.Error("a cancelled job ran again")
				return nil
			}))
			f.await(queue.EventCancelled, 1)
			f.eventually("it is dead", func() bool {
				found, err := f.inspect.Job(t.Context(), "orders", job.ID)
				f.must(err)
				return found.Reason == inspect.ReasonByPerson
			})
		})
	}
}
