package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// late waits until it is later than the expiry of a job by Redis' clock.
func (f *fleet) late(id string) {
	f.Helper()
	f.eventually("it is too late", func() bool {
		job, err := f.inspect.Job(f.Context(), "orders", id)
		f.must(err)
		return f.rdb.Time(f.Context()).Val().After(*job.ExpiresAt)
	})
}

// endsExpired checks how a job has ended, and that its ID and its key are free.
func (f *fleet) endsExpired(id string) {
	f.Helper()
	job, err := f.inspect.Job(f.Context(), "orders", id)
	f.must(err)
	if job.State != inspect.StateExpired || job.Reason != inspect.ReasonExpired || job.EndedAt == nil {
		f.Errorf("got %+v", job)
	}
	info := f.info()
	if info.Expired == 0 || info.Totals.Expired != info.Expired || info.Dead != 0 {
		f.Errorf("got %+v", info)
	}
	f.inOrder()
}

func TestAJobThatIsNotStartedInTimeExpires(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	opts := []queue.EnqueueOption{queue.ExpiresIn(time.Millisecond), queue.ID("o-1"), queue.Unique("u", time.Hour)}
	late, kept := f.enqueue("k", `{"n":1}`, opts...), f.enqueue("k", `{"n":2}`, queue.ExpiresIn(time.Hour))
	delayed := f.enqueue("k", `{}`, queue.In(time.Millisecond), queue.ExpiresIn(time.Millisecond))
	f.late(late.ID)
	f.late(delayed.ID)
	runs := &seen{data: map[string][]string{}}
	f.start(muxOf("k", runs.handle))
	f.await(queue.EventExpired, 2)
	f.await(queue.EventDone, 1)
	f.empty()
	if len(runs.data) != 1 || len(runs.data[kept.ID]) != 1 {
		t.Errorf("these ran: %v", runs.data)
	}
	f.endsExpired(late.ID)
	f.endsExpired(delayed.ID)
	if n := f.rdb.Exists(t.Context(), f.stream()+":started").Val(); n != 0 {
		t.Error("the note of a start stays")
	}
	again := f.enqueue("k", `{"n":3}`, queue.ID("o-1"), queue.Unique("u", time.Hour))
	if again.Duplicate {
		t.Errorf("its ID or its key is not free: %+v", again)
	}
	f.await(queue.EventDone, 2)
	if err := f.inspect.Requeue(t.Context(), "orders", delayed.ID); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("requeued: %v", err)
	}
	f.must(f.inspect.Delete(t.Context(), "orders", delayed.ID))
	f.inOrder()
}

// A job that has started in time is retried, and goes on after a crash of its worker, however late.
func TestAJobThatHasStartedDoesNotExpire(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{"retried": queue.RetryIn(0, errors.New("x")), "snoozed": queue.Snooze(0)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			runs := 0
			f.start(muxOf("k", func(ctx context.Context, run *queue.Run) error {
				if runs++; runs > 1 {
					return nil
				}
				f.late(run.ID)
				return outcome
			}))
			f.enqueue("k", `{}`, queue.ExpiresIn(300*time.Millisecond))
			f.await(queue.EventDone, 1)
			f.empty()
			f.inOrder()
		})
	}
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		f := newFleet(t)
		began := make(chan string, 1)
		first := f.start(muxOf("k", func(ctx context.Context, run *queue.Run) error {
			began <- run.ID
			<-ctx.Done()
			return ctx.Err()
		}))
		f.enqueue("k", `{}`, queue.ExpiresIn(300*time.Millisecond))
		id := receive(t, began)
		stop, cancel := context.WithCancel(t.Context())
		cancel() // the handler is interrupted at once
		_ = first.Stop(stop)
		f.late(id)
		f.start(muxOf("k", noop))
		f.await(queue.EventDone, 1)
		f.empty()
	})
}

func TestJobsOfABatchExpire(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const n = 20
	var late []string
	for i := range n {
		opts := []queue.EnqueueOption(nil)
		if i%2 == 0 {
			opts = append(opts, queue.ExpiresIn(time.Millisecond))
		}
		if id := f.enqueue(event{}.Kind(), `{}`, opts...).ID; i%2 == 0 {
			late = append(late, id)
		}
	}
	f.late(late[len(late)-1])
	mux, ran := queue.NewMux(), make(chan int, n)
	queue.HandleBatch(mux, func(_ context.Context, jobs []*queue.Job[event]) error {
		ran <- len(jobs)
		return nil
	})
	f.start(mux)
	f.await(queue.EventExpired, n/2)
	f.await(queue.EventDone, n/2)
	f.empty()
	f.endsExpired(late[0])
}

// A plain job sends what it did before, and a worker asks Redis nothing about it.
func TestExpiresInIsInTheJobsMetaAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	f.enqueue("k", `{}`, queue.ExpiresIn(time.Hour))
	entries := f.rdb.XRange(t.Context(), f.stream(), "-", "+").Val()
	if len(entries) != 2 || len(entries[0].Values) != 3 || len(entries[1].Values) != 4 {
		t.Errorf("got %v", entries)
	}
	client := f.client
	if _, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.ExpiresIn(0)); !errors.Is(err,
		queue.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
