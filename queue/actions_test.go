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

func TestRunNowMakesAJobDue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	delayed := f.enqueue("k", `{}`, queue.In(time.Hour))
	mux := muxOf("k", noop)
	mux.HandleKind("flaky", func(_ context.Context, run *queue.Run) error {
		if run.Attempt == 1 {
			return queue.RetryIn(time.Hour, errors.New("x"))
		}
		return nil
	})
	f.start(mux)
	retried := f.enqueue("flaky", `{}`)
	f.await(queue.EventFailed, 1)
	for _, id := range []string{delayed.ID, retried.ID} {
		f.must(f.inspect.RunNow(t.Context(), "orders", id))
	}
	f.await(queue.EventDone, 2)
	f.empty()
	if err := f.inspect.RunNow(t.Context(), "orders", delayed.ID); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("a job that has run: %v", err)
	}
}

func TestRequeuedJobStartsAfresh(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	runs := make(chan *queue.Run, 10)
	f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
		runs <- run
		return errors.New("x")
	}))
	job := f.enqueue("k", `{"n":1}`, queue.MaxAttempts(1), queue.Retain(time.Hour))
	f.await(queue.EventDead, 1)
	f.must(f.inspect.Requeue(t.Context(), "orders", job.ID))
	f.await(queue.EventDead, 2)
	first, second := receive(t, runs), receive(t, runs)
	if second.ID != first.ID || second.Attempt != 1 || second.LastError != "" || second.MaxAttempts != 1 ||
		string(second.Data) != `{"n":1}` || !second.EnqueuedAt.Equal(first.EnqueuedAt) {
		t.Errorf("first %+v, then %+v", first, second)
	}
	if info := f.info(); info.Dead != 1 || info.Totals.Requeued != 1 || info.Totals.Dead != 2 {
		t.Errorf("got %+v", info)
	}
}

func TestDeleteInEveryState(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ids := inEveryState(f, 2)
	for state, all := range ids {
		f.must(f.inspect.Delete(t.Context(), "orders", all[0]))
		if _, err := f.inspect.Job(t.Context(), "orders", all[0]); !errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("a deleted %s job is still found: %v", state, err)
		}
		if job, err := f.inspect.Job(t.Context(), "orders", all[1]); err != nil || job.State != state {
			t.Errorf("beside a deleted %s job: %+v, %v", state, job, err)
		}
	}
	if info := f.info(); info.Waiting != 1 || info.InFlight != 1 || info.Delayed != 1 || info.Retrying != 1 ||
		info.Dead != 1 {
		t.Errorf("got %+v", info)
	}
	if n := f.rdb.HLen(t.Context(), f.stream()+":bodies").Val(); n != 2 {
		t.Errorf("%d bodies, want those of the delayed and the retrying one", n)
	}
}

func TestOutcomeOfADeletedJobDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{
		"done": nil, "failed": errors.New("x"), "cancelled": queue.Cancel(nil), "snoozed": queue.Snooze(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			began, free := make(chan struct{}), make(chan struct{})
			mux := muxOf("block", func(context.Context, *queue.Run) error {
				close(began)
				<-free
				return outcome
			})
			mux.HandleKind("next", noop)
			f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 1 })
			job := f.enqueue("block", `{}`)
			receive(t, began)
			f.must(f.inspect.Delete(t.Context(), "orders", job.ID))
			next := f.enqueue("next", `{}`)
			close(free)
			f.eventually("the next job is done", func() bool {
				for _, e := range f.events.of(queue.EventDone) {
					if e.Job == next.ID {
						return true
					}
				}
				return false
			})
			info := f.info()
			if info.Totals.Done != 1 || info.Totals.Deleted != 1 ||
				info.Totals.Retried+info.Totals.Snoozed+info.Totals.Dead != 0 {
				t.Errorf("totals %+v", info.Totals)
			}
			if info.Waiting+info.InFlight+info.Delayed+info.Retrying+info.Dead != 0 {
				t.Errorf("a deleted job came back: %+v", info)
			}
		})
	}
}

func TestPurgeEmptiesAStateAndTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	const n = 450 // more than two of its pages
	for _, state := range []inspect.State{inspect.StateWaiting, inspect.StateDelayed, inspect.StateRetrying,
		inspect.StateDead} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.fill(state, n)
			other := f.enqueue("other", `{}`, queue.In(time.Hour))
			if state == inspect.StateDelayed {
				f.must(f.inspect.Delete(t.Context(), "orders", other.ID))
			}
			var told []int64
			deleted, err := f.inspect.Purge(t.Context(), "orders", state, func(n int64) { told = append(told, n) })
			f.must(err)
			if deleted != n || len(told) < 3 || !slices.IsSorted(told) || told[len(told)-1] != n {
				t.Errorf("deleted %d, told %v", deleted, told)
			}
			if jobs := f.walk(state, 10); len(jobs) != 0 {
				t.Errorf("%d are left", len(jobs))
			}
			if info := f.info(); info.Waiting+info.Retrying+info.Dead != 0 || state != inspect.StateDelayed &&
				info.Delayed != 1 {
				t.Errorf("got %+v", info)
			}
			if again, err := f.inspect.Purge(t.Context(), "orders", state, nil); again != 0 || err != nil {
				t.Errorf("once more: %d, %v", again, err)
			}
		})
	}
}

// fill brings n jobs into a state and leaves no worker behind.
func (f *fleet) fill(state inspect.State, n int) {
	f.Helper()
	items := make([]queue.Item, n)
	for i := range items {
		items[i] = queue.Item{Args: queue.JSON("k", []byte(`{}`)), Options: []queue.EnqueueOption{queue.On("orders")}}
		if state == inspect.StateDelayed {
			items[i].Options = append(items[i].Options, queue.In(time.Hour))
		}
	}
	_, err := f.client.EnqueueMany(f.Context(), items)
	f.must(err)
	outcome, event := queue.Cancel(nil), queue.EventDead
	switch state {
	case inspect.StateWaiting, inspect.StateDelayed:
		return
	case inspect.StateRetrying:
		outcome, event = queue.RetryIn(time.Hour, errors.New("x")), queue.EventFailed
	}
	w := f.start(muxOf("k", func(context.Context, *queue.Run) error { return outcome }))
	f.await(event, n)
	f.must(w.Stop(f.Context()))
}

func TestPurgeRefusesWhatRunsOrIsDone(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	for _, state := range []inspect.State{inspect.StateInFlight, inspect.StateDone, "nonsense"} {
		if n, err := f.inspect.Purge(t.Context(), "orders", state, nil); err == nil || n != 0 {
			t.Errorf("%s: %d, %v", state, n, err)
		}
	}
	if info := f.info(); info.Waiting != 1 {
		t.Errorf("got %+v", info)
	}
}
