package queue_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// endWindow is a day later: the caretaker finds that the window of an ID is over.
func (f *fleet) endWindow(id string) {
	f.Helper()
	f.must(f.rdb.ZAddXX(f.Context(), f.stream()+":ids:ends", redis.Z{Score: 1, Member: id}).Err())
}

func (f *fleet) tryEnqueue(id string, opts ...queue.EnqueueOption) *queue.Enqueued {
	f.Helper()
	return f.enqueue("k", `{"again":true}`, append([]queue.EnqueueOption{queue.ID(id)}, opts...)...)
}

// While a job exists, an enqueue of its ID is a duplicate, in whatever state it is and however long, and says which.
func TestAnIDIsTakenWhileItsJobExists(t *testing.T) {
	t.Parallel()
	for state, c := range map[inspect.State]struct {
		outcome error
		event   queue.EventType
		opts    []queue.EnqueueOption
	}{
		inspect.StateWaiting:   {nil, "", nil},
		inspect.StateInFlight:  {nil, "", nil},
		inspect.StateDelayed:   {nil, "", []queue.EnqueueOption{queue.In(time.Hour)}},
		inspect.StateRetrying:  {errors.New("away"), queue.EventFailed, nil},
		inspect.StateDead:      {queue.Cancel(nil), queue.EventDead, nil},
		inspect.StateCancelled: {nil, "", []queue.EnqueueOption{queue.In(time.Hour)}},
		inspect.StateDone:      {nil, queue.EventDone, nil},
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.enqueue("k", `{}`, append(c.opts, queue.ID("nightly"))...)
			switch {
			case state == inspect.StateInFlight:
				f.holdAs("w#1", 1)
			case state == inspect.StateCancelled:
				f.must(f.inspect.Cancel(t.Context(), "orders", "nightly"))
			case c.event != "":
				w := f.start(muxOf("k", func(context.Context, *queue.Run) error { return c.outcome }))
				f.await(c.event, 1)
				f.must(w.Stop(t.Context()))
			}
			again := f.tryEnqueue("nightly")
			if !again.Duplicate || again.State != string(state) || again.ID != "nightly" {
				t.Errorf("got %+v", again)
			}
			f.endWindow("nightly")
			if again := f.tryEnqueue("nightly"); again.Duplicate != (state != inspect.StateDone) {
				t.Errorf("a day after its end: %+v", again)
			}
		})
	}
}

// The guard follows a job through every move, and ends with it.
func TestTheGuardOfAnIDFollowsItsJob(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	outcome := make(chan error, 1)
	f.start(muxOf("k", func(context.Context, *queue.Run) error { return <-outcome }))
	f.tryEnqueue("nightly", queue.Backoff(time.Hour, time.Hour))
	is := func(state inspect.State) {
		t.Helper()
		if again := f.tryEnqueue("nightly"); !again.Duplicate || again.State != string(state) {
			t.Fatalf("got %+v, want one that is %s", again, state)
		}
		if job, err := f.inspect.Job(t.Context(), "orders", "nightly"); state != inspect.StateDone &&
			(err != nil || job.State != state) {
			t.Fatalf("it is %s, %v, want %s", job.State, err, state)
		}
	}
	runs := 0
	run := func() {
		t.Helper()
		runs++
		f.await(queue.EventStarted, runs)
		is(inspect.StateInFlight)
	}
	run()
	outcome <- errors.New("away")
	f.await(queue.EventFailed, 1)
	is(inspect.StateRetrying)
	f.must(f.inspect.RunNow(t.Context(), "orders", "nightly"))
	run()
	outcome <- queue.Snooze(time.Hour)
	f.await(queue.EventSnoozed, 1)
	is(inspect.StateDelayed)
	f.must(f.inspect.Cancel(t.Context(), "orders", "nightly"))
	is(inspect.StateCancelled)
	f.must(f.inspect.Requeue(t.Context(), "orders", "nightly"))
	run()
	outcome <- queue.Cancel(nil)
	f.await(queue.EventDead, 1)
	is(inspect.StateDead)
	f.must(f.inspect.Requeue(t.Context(), "orders", "nightly"))
	run()
	outcome <- nil
	f.await(queue.EventDone, 1)
	is(inspect.StateDone)
	if audit := f.verify(); !audit.OK() {
		t.Errorf("got %+v", audit)
	}
}

// A job with a result: its guard ends in the same way, and its record gives way to the next job of the ID.
func TestAResultDoesNotHideTheNextJobOfItsID(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var runs atomic.Int64
	f.start(muxOf("k", func(_ context.Context, r *queue.Run) error {
		switch runs.Add(1) {
		case 1:
			return r.SetResult("monday's")
		case 2:
			return queue.Cancel(errors.New("no"))
		}
		return nil // without a result
	}, queue.Retain(72*time.Hour)))
	f.tryEnqueue("nightly")
	f.await(queue.EventDone, 1)
	if job, err := f.inspect.Job(t.Context(), "orders", "nightly"); err != nil || string(job.Result) != `"monday's"` {
		t.Errorf("monday's: %+v, %v", job, err)
	}
	f.endWindow("nightly")
	f.tryEnqueue("nightly")
	f.await(queue.EventDead, 1)
	if job, err := f.inspect.Job(t.Context(), "orders", "nightly"); err != nil || job.State != inspect.StateDead {
		t.Errorf("tuesday's job is dead; Job says %s, data %s, %v", job.State, job.Data, err)
	}
	f.must(f.inspect.Delete(t.Context(), "orders", "nightly"))
	if job := f.tryEnqueue("nightly"); job.Duplicate {
		t.Fatalf("its ID is not free after Delete: %+v", job)
	}
	f.await(queue.EventDone, 2)
	if job, err := f.inspect.Job(t.Context(), "orders", "nightly"); err != nil || job.Result != nil {
		t.Errorf("wednesday's job had no result; Job says %s, data %s, %v", job.Result, job.Data, err)
	}
}

// A job that is enqueued under an ID and a unique key is a duplicate, or it is there.
func TestWhatIsNotEnqueuedIsADuplicate(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	unique := queue.Unique("u", 48*time.Hour)
	f.tryEnqueue("nightly", unique)
	f.must(f.rdb.Del(t.Context(), f.stream()+":ids").Err()) // by any chance
	if again := f.tryEnqueue("nightly", unique); !again.Duplicate || f.info().Waiting != 1 {
		t.Errorf("got %+v, %d wait", again, f.info().Waiting)
	}
}

// Delete sets the ID free, in every state, and of a job of which nothing but the guard is left.
func TestDeleteSetsTheIDFree(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop))
	for n := range 3 {
		if job := f.tryEnqueue("nightly"); job.Duplicate {
			t.Fatalf("%d: got %+v", n, job)
		}
		f.await(queue.EventDone, n+1)
		if _, err := f.inspect.Job(t.Context(), "orders", "nightly"); !errors.Is(err, inspect.ErrNotFound) ||
			!strings.Contains(err.Error(), "ended") {
			t.Errorf("a job that is done: %v", err)
		}
		f.must(f.inspect.Delete(t.Context(), "orders", "nightly"))
	}
	if err := f.inspect.Delete(t.Context(), "orders", "nightly"); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
	if left := f.rdb.Exists(t.Context(), f.stream()+":ids", f.stream()+":ids:ends").Val(); left != 0 {
		t.Error("something of the guard is left")
	}
}

// Guards go when their windows are over, and when their jobs are nowhere.
func TestGuardsOfIDsAreSwept(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop), func(c *queue.WorkerConfig) { c.Lease = 500 * time.Millisecond })
	f.enqueue("k", `{}`, queue.IDFor("short", time.Millisecond))
	f.tryEnqueue("long")
	f.tryEnqueue("later", queue.In(time.Hour))
	f.tryEnqueue("lost", queue.In(time.Hour))
	f.await(queue.EventDone, 2)
	f.must(f.rdb.ZRem(t.Context(), f.stream()+":delayed", "lost").Err()) // as by a worker of an earlier version
	f.must(f.rdb.HDel(t.Context(), f.stream()+":bodies", "lost").Err())
	f.eventually("two guards are left", func() bool {
		ids := f.rdb.HGetAll(t.Context(), f.stream()+":ids").Val()
		return len(ids) == 2 && strings.HasSuffix(ids["long"], " ended:done") && strings.HasSuffix(ids["later"], " bodies")
	})
	if again := f.tryEnqueue("lost"); again.Duplicate {
		t.Errorf("got %+v", again)
	}
}

// What the version before has left, and what a worker of that version leaves.
func TestGuardsOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must(f.rdb.Set(t.Context(), f.stream()+":id:marked", "nonce", time.Hour).Err())
	if again := f.tryEnqueue("marked"); !again.Duplicate || again.State != "" {
		t.Errorf("a marker is not honoured: %+v", again)
	}
	f.must(f.rdb.HSet(t.Context(), f.stream()+":bodies", "old", "1 0 k{}").Err())
	f.must(f.rdb.ZAdd(t.Context(), f.stream()+":retrying", z("old", 1e15)).Err())
	if again := f.tryEnqueue("old"); !again.Duplicate || again.State != "retrying" {
		t.Errorf("a job that outlived its marker: %+v", again)
	}
	f.tryEnqueue("ended")
	entry := f.rdb.XRange(t.Context(), f.stream(), "-", "+").Val()[0]
	f.must(f.rdb.XDel(t.Context(), f.stream(), entry.ID).Err()) // done by an earlier version
	if again := f.tryEnqueue("ended"); again.Duplicate {
		t.Errorf("a guard without a job: %+v", again)
	}
}
