package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// twins adds, as another program may, jobs of one ID.
func (f *fleet) twins(count int) {
	f.Helper()
	f.enqueue("other", `{}`, queue.In(time.Hour)) // the queue is known
	for n := range count {
		f.must(f.rdb.XAdd(f.Context(), &redis.XAddArgs{
			Stream: f.stream(), Values: []string{"id", "twin", "kind", "k", "data", fmt.Sprintf(`{"n":%d}`, n)},
		}).Err())
	}
}

// outcomesByData notes how often each job ran, by its data.
type outcomesByData struct {
	mu   sync.Mutex
	runs map[string]int
	err  error // of every run
}

func (o *outcomesByData) handle(_ context.Context, run *queue.Run) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.runs[run.ID+string(run.Data)]++
	return o.err
}

func (o *outcomesByData) becomes(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// Jobs of one ID that are retrying at the same time are all kept, shown apart, and run again under their ID.
func TestRetryingJobsOfOneIDAreAllKept(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.twins(3)
	o := &outcomesByData{runs: map[string]int{}, err: errors.New("away")}
	f.start(muxOf("k", o.handle, queue.Backoff(time.Hour, time.Hour)))
	f.await(queue.EventFailed, 3)
	jobs := f.walk(inspect.StateRetrying, 2)
	names := map[string]bool{}
	for _, job := range jobs {
		names[job.Name()] = true
		found, err := f.inspect.Job(t.Context(), "orders", job.Name())
		if err != nil || string(found.Data) != string(job.Data) || job.ID != "twin" {
			t.Errorf("%s of %q: %s, %v", job.ID, job.Name(), found.Data, err)
		}
	}
	if len(jobs) != 3 || len(names) != 3 {
		t.Fatalf("%d jobs, named %v", len(jobs), names)
	}
	o.becomes(nil)
	for name := range names {
		f.must(f.inspect.RunNow(t.Context(), "orders", name))
	}
	f.await(queue.EventDone, 3)
	for n := range 3 {
		if runs := o.runs[fmt.Sprintf(`twin{"n":%d}`, n)]; runs != 2 {
			t.Errorf("job %d ran %d times", n, runs)
		}
	}
	if audit := f.verify(); !audit.OK() {
		t.Errorf("got %+v", audit)
	}
}

// Dead and cancelled jobs of one ID are all listed, seen by Verify, requeued and deleted, each by its own name or all.
func TestEndedJobsOfOneIDAreKeptApart(t *testing.T) {
	t.Parallel()
	for _, state := range []inspect.State{inspect.StateDead, inspect.StateCancelled} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.twins(4)
			o := &outcomesByData{runs: map[string]int{}, err: queue.Cancel(errors.New("no"))}
			if state == inspect.StateDead {
				f.start(muxOf("k", o.handle))
				f.await(queue.EventDead, 4)
			} else {
				for _, job := range f.walk(inspect.StateWaiting, 10) {
					f.must(f.inspect.Cancel(t.Context(), "orders", job.Name()))
				}
				f.start(muxOf("k", o.handle))
			}
			audit := f.verify()
			if audit.OK() || len(audit.Missing) != 3 || !strings.Contains(audit.Missing[0], "have the ID twin") {
				t.Errorf("verify: %+v", audit)
			}
			jobs := f.walk(state, 3)
			if len(jobs) != 4 || jobs[0].Ref != "" {
				t.Fatalf("%d are listed, the first is named %q", len(jobs), jobs[0].Name())
			}
			f.must(f.inspect.Delete(t.Context(), "orders", jobs[2].Name()))
			o.becomes(nil)
			f.must(f.inspect.Requeue(t.Context(), "orders", "twin"))         // the last
			f.must(f.inspect.Requeue(t.Context(), "orders", jobs[3].Name())) // the first
			f.must(f.inspect.Requeue(t.Context(), "orders", "twin"))
			f.await(queue.EventDone, 3)
			if ran := o.runs["twin"+string(jobs[2].Data)]; state == inspect.StateCancelled && ran != 0 {
				t.Errorf("the deleted job ran %d times", ran)
			}
			if audit := f.verify(); !audit.OK() || len(f.walk(state, 10)) != 0 {
				t.Errorf("verify: %+v", audit)
			}
		})
	}
}

func TestAllDeadJobsOfOneIDAreRequeued(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.twins(5)
	o := &outcomesByData{runs: map[string]int{}, err: queue.Cancel(errors.New("no"))}
	f.start(muxOf("k", o.handle))
	f.await(queue.EventDead, 5)
	o.becomes(nil)
	all := inspect.Query{State: inspect.StateDead}
	result, err := f.inspect.Act(t.Context(), "orders", all, inspect.ActionRequeue, nil)
	if err != nil || result.Done != 5 {
		t.Errorf("got %+v, %v", result, err)
	}
	f.await(queue.EventDone, 5)
}

// A record of a job does not take the place of that of another job of its ID.
func TestRecordsOfJobsOfOneIDAreApart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.twins(2)
	began, free := make(chan struct{}, 2), make(chan struct{}, 2)
	f.start(muxOf("k", func(ctx context.Context, run *queue.Run) error {
		if err := run.SetProgress(ctx, 50, string(run.Data)); err != nil {
			return err
		}
		began <- struct{}{}
		<-free
		return run.SetResult(string(run.Data))
	}, queue.Retain(time.Hour)))
	receive(t, began)
	receive(t, began)
	jobs := f.walk(inspect.StateInFlight, 10)
	for _, job := range jobs {
		found, err := f.inspect.Job(t.Context(), "orders", job.Entry)
		if err != nil || found.Progress == nil || found.Progress.Note != string(found.Data) {
			t.Errorf("the progress of %s: %+v, %v", job.Data, found.Progress, err)
		}
	}
	free <- struct{}{}
	free <- struct{}{}
	f.await(queue.EventDone, 2)
	results := map[string]bool{}
	for _, name := range []string{"twin", jobs[0].Entry, jobs[1].Entry} {
		found, err := f.inspect.Job(t.Context(), "orders", name)
		if err == nil && found.State == inspect.StateDone && found.ID == "twin" {
			results[string(found.Result)] = true
		}
	}
	if len(results) != 2 {
		t.Errorf("of two results %v are found", results)
	}
}

// Behind any backlog a job with a chosen ID is found, cancelled and deleted; of another ID it is said that it was not
// seen, which is not that it is not there.
func TestAChosenIDIsFoundBehindAnyBacklog(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	pipe := f.rdb.Pipeline()
	for range 10_001 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), Values: []string{"kind", "k", "data", "{}"}})
	}
	_, err := pipe.Exec(t.Context())
	f.must(err)
	f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{
		Stream: f.stream(), Values: []string{"id", "foreign", "kind", "k", "data", "{}"},
	}).Err())
	f.tryEnqueue("order-1")
	given := f.enqueue("k", `{}`)
	for _, id := range []string{"order-1", given.ID} {
		if job, err := f.inspect.Job(t.Context(), "orders", id); err != nil || job.ID != id {
			t.Errorf("%s: %v", id, err)
		}
		f.must(f.inspect.Cancel(t.Context(), "orders", id))
	}
	for _, id := range []string{"foreign", "nobody's"} {
		_, err := f.inspect.Job(t.Context(), "orders", id)
		if !errors.Is(err, inspect.ErrNotSeen) || errors.Is(err, inspect.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
		if err := f.inspect.Cancel(t.Context(), "orders", id); !errors.Is(err, inspect.ErrNotSeen) {
			t.Errorf("cancel %s: %v", id, err)
		}
	}
	f.must(f.inspect.Requeue(t.Context(), "orders", "order-1"))
	f.must(f.inspect.Delete(t.Context(), "orders", "order-1"))
	if again := f.tryEnqueue("order-1"); again.Duplicate {
		t.Errorf("got %+v", again)
	}
}
