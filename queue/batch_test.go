package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// event is the job of the batches in these tests.
type event struct {
	Name string `json:"name"`
}

func (event) Kind() string { return "event" }

type events []*queue.Job[event]

// batches hands over each batch and waits for its outcome.
type batches struct {
	came    chan events
	outcome chan error
	ended   chan error
}

func newBatches() *batches {
	return &batches{came: make(chan events, 1000), outcome: make(chan error, 1000), ended: make(chan error, 1000)}
}

func (b *batches) handle(ctx context.Context, jobs []*queue.Job[event]) error {
	b.came <- jobs
	select {
	case err := <-b.outcome:
		return err
	case <-ctx.Done():
		b.ended <- context.Cause(ctx)
		return ctx.Err()
	}
}

func batchMux(handle func(context.Context, []*queue.Job[event]) error, opts ...queue.HandleOption) *queue.Mux {
	mux := queue.NewMux()
	queue.HandleBatch(mux, handle, opts...)
	return mux
}

func (f *fleet) enqueueEvents(names ...string) (ids []string) {
	f.Helper()
	for _, name := range names {
		ids = append(ids, f.enqueue("event", fmt.Sprintf(`{"name":%q}`, name)).ID)
	}
	return ids
}

func oneSlot(c *queue.WorkerConfig) { c.Concurrency, c.ReadAhead = 1, -1 }

// One slot, nothing read ahead: a batch is full all the same, and what is left over goes when its time is up.
func TestBatchesAreFullOrInTime(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueueEvents(strings.Fields(strings.Repeat("e ", 25))...)
	b := newBatches()
	for range 3 {
		b.outcome <- nil
	}
	f.start(batchMux(b.handle, queue.BatchOf(10), queue.BatchWithin(200*time.Millisecond)), oneSlot)
	for i, want := range []int{10, 10, 5} {
		if jobs := receive(t, b.came); len(jobs) != want {
			t.Errorf("batch %d has %d jobs, want %d", i+1, len(jobs), want)
		}
	}
	f.await(queue.EventDone, 25)
	f.empty()
	if totals := f.info().Totals; totals.Done != 25 {
		t.Errorf("totals %+v", totals)
	}
	started := f.events.of(queue.EventStarted)
	if gathered := started[24].Time.Sub(started[19].Time); gathered < 150*time.Millisecond {
		t.Errorf("the last batch, not full, gathered for %s", gathered)
	}
	if audit := f.verify(); !audit.OK() {
		t.Errorf("got %+v", audit)
	}
}

func TestBatchWithinZeroWaitsForNobody(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	close(b.outcome)
	f.start(batchMux(b.handle, queue.BatchOf(1000), queue.BatchWithin(0)))
	f.enqueueEvents("alone")
	began := time.Now()
	if jobs := receive(t, b.came); len(jobs) != 1 || time.Since(began) > 10*time.Second {
		t.Errorf("%d jobs after %s", len(jobs), time.Since(began))
	}
	f.empty()
}

// A batch takes one slot: others go on with other jobs, and two batches run at once.
func TestABatchTakesOneSlot(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	mux := batchMux(b.handle, queue.BatchOf(20))
	mux.HandleKind("quick", noop)
	f.enqueueEvents(strings.Fields(strings.Repeat("e ", 40))...) // before it starts: a batch waits for a moment only
	f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 3 })
	first, second := receive(t, b.came), receive(t, b.came)
	if len(first) != 20 || len(second) != 20 {
		t.Errorf("batches of %d and %d, want 20 each at once", len(first), len(second))
	}
	for range 30 {
		f.enqueue("quick", `{}`)
	}
	f.await(queue.EventDone, 30)
	close(b.outcome)
	f.await(queue.EventDone, 70)
	f.empty()
}

func TestEachJobOfABatchHasItsOutcome(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	acknowledged := make(chan *queue.Run, 10)
	handle := func(_ context.Context, jobs []*queue.Job[event]) error {
		outcomes := make([]error, len(jobs))
		for i, job := range jobs {
			switch job.Args.Name {
			case "fine":
				acknowledged <- job.Run
				if job.Acknowledged() {
					t.Error("acknowledged while it runs")
				}
			case "kept":
				outcomes[i] = job.SetResult("kept it")
			case "fail":
				outcomes[i] = errors.New("broken")
			case "flaky":
				if job.Attempt == 1 {
					outcomes[i] = queue.RetryIn(time.Millisecond, errors.New("not yet"))
				}
			case "cancel":
				outcomes[i] = queue.Cancel(errors.New("no use"))
			case "snooze":
				if len(f.events.of(queue.EventSnoozed)) == 0 {
					outcomes[i] = queue.Snooze(time.Millisecond)
				}
			}
		}
		return fmt.Errorf("wrapped: %w", queue.Outcomes(outcomes))
	}
	ids := f.enqueueEvents("fine", "fail", "flaky", "cancel", "snooze")
	bad := f.enqueue("event", `{"name":7}`)
	kept := f.enqueue("event", `{"name":"kept"}`, queue.Retain(time.Minute))
	f.start(batchMux(handle, queue.MaxAttempts(2), queue.Backoff(time.Millisecond, time.Millisecond)))
	f.await(queue.EventDone, 4)
	f.await(queue.EventDead, 3)
	f.empty()
	run := receive(t, acknowledged)
	f.eventually("the run knows", run.Acknowledged)
	for id, want := range map[string]string{ids[1]: inspect.ReasonAttempts, ids[3]: inspect.ReasonCancelled,
		bad.ID: inspect.ReasonUndecodable} {
		job, err := f.inspect.Job(t.Context(), "orders", id)
		f.must(err)
		if job.State != inspect.StateDead || job.Reason != want || strings.Contains(job.Error, "wrapped") {
			t.Errorf("got %+v, want dead: %s", job, want)
		}
	}
	if job, err := f.inspect.Job(t.Context(), "orders", kept.ID); err != nil || string(job.Result) != `"kept it"` {
		t.Errorf("got %+v (%v)", job, err)
	}
	totals := f.info().Totals
	if totals.Done != 4 || totals.Dead != 3 || totals.Retried != 2 || totals.Snoozed != 1 {
		t.Errorf("totals %+v", totals)
	}
	if audit := f.verify(); !audit.OK() {
		t.Errorf("got %+v", audit)
	}
}

func TestABatchFailsAsOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handle func(context.Context, []*queue.Job[event]) error
		want   string
	}{
		"one error": {func(context.Context, []*queue.Job[event]) error { return errors.New("Redis is away") },
			"Redis is away"},
		// in the stack
		"a panic": {func(context.Context, []*queue.Job[event]) error { panic("ouch") }, "TestABatchFailsAsOne"},
		"too few outcomes": {
			func(context.Context, []*queue.Job[event]) error { return queue.Outcomes(make([]error, 2)) },
			"2 outcomes for 3 jobs",
		},
		"timed out": {func(ctx context.Context, _ []*queue.Job[event]) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, "timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			ids := f.enqueueEvents("a", "b", "c")
			f.start(batchMux(c.handle, queue.MaxAttempts(1), queue.BatchOf(3), queue.Timeout(50*time.Millisecond)))
			f.await(queue.EventDead, 3)
			for _, id := range ids {
				job, err := f.inspect.Job(t.Context(), "orders", id)
				f.must(err)
				if !strings.Contains(job.Error, c.want) || job.Attempt != 1 {
					t.Errorf("got %+v, want an error with %q", job, c.want)
				}
			}
		})
	}
}

func TestMiddlewareIsAroundTheBatch(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueueEvents("fine", "fail", "fine")
	f.enqueue("event", `[]`)
	saw := make(chan string, 10)
	mux := batchMux(func(ctx context.Context, jobs []*queue.Job[event]) error {
		if run, ok := queue.FromContext(ctx); !ok || run.ID != jobs[0].ID {
			t.Error("the context does not know the first run")
		}
		return queue.Outcomes([]error{nil, queue.Cancel(errors.New("broken")), nil})
	}, queue.BatchOf(4))
	mux.Use(func(next queue.Handler) queue.Handler {
		return func(ctx context.Context, run *queue.Run) error {
			err := next(ctx, run)
			saw <- fmt.Sprintf("%d runs: %v", len(run.Batch()), err)
			return err
		}
	})
	f.start(mux)
	f.await(queue.EventDead, 2)
	f.await(queue.EventDone, 2)
	if got, want := receive(t, saw), "4 runs: 2 of 4 jobs failed, the first: broken"; got != want {
		t.Errorf("middleware saw %q, want %q", got, want)
	}
}

func TestStopHandsBackAGatheringBatch(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	close(b.outcome)
	w := f.start(batchMux(b.handle, queue.BatchOf(10), queue.BatchWithin(time.Hour)))
	f.enqueueEvents("a", "b", "c")
	f.eventually("the batch gathers", func() bool { return f.info().InFlight == 3 })
	f.must(w.Stop(t.Context()))
	if len(b.came) != 0 || f.info().Workers != 0 {
		t.Errorf("%d batches ran, %d workers", len(b.came), f.info().Workers)
	}
	f.start(batchMux(b.handle, queue.BatchOf(3), queue.BatchWithin(time.Hour)))
	for _, job := range receive(t, b.came) {
		if job.Attempt != 1 || job.Redelivered != 0 {
			t.Errorf("attempt %d, redelivered %d", job.Attempt, job.Redelivered)
		}
	}
	f.empty()
}

func TestStopLetsABatchFinish(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	w := f.start(batchMux(b.handle, queue.BatchOf(3)))
	f.enqueueEvents("a", "b", "c")
	receive(t, b.came)
	stopped := make(chan error)
	go func() { stopped <- w.Stop(t.Context()) }()
	b.outcome <- nil
	f.must(<-stopped)
	if totals := f.info().Totals; totals.Done != 3 {
		t.Errorf("totals %+v", totals)
	}
}

// Of a batch that gathers, a cancelled job never runs; of one that runs, it is dead unless it succeeds. The others go
// on unaware.
func TestCancelOneJobOfABatch(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	f.start(batchMux(b.handle, queue.BatchOf(3), queue.BatchWithin(2*time.Second)))
	ids := f.enqueueEvents("a", "b")
	f.eventually("the batch gathers", func() bool { return f.info().InFlight == 2 })
	f.must(f.inspect.Cancel(t.Context(), "orders", ids[0]))
	if jobs := receive(t, b.came); len(jobs) != 1 || jobs[0].ID != ids[1] {
		t.Errorf("%d jobs run", len(jobs))
	}
	b.outcome <- nil
	f.await(queue.EventDone, 1)

	ids = append(ids, f.enqueueEvents("c", "d", "e")...)
	receive(t, b.came)
	f.must(f.inspect.Cancel(t.Context(), "orders", ids[2])) // the first of them
	f.must(f.inspect.Cancel(t.Context(), "orders", ids[3]))
	f.eventually("the orders are heard", func() bool {
		return f.rdb.HLen(t.Context(), f.stream()+":cancelled").Val() == 2
	})
	select {
	case err := <-b.ended:
		t.Errorf("the batch ended: %v", err)
	case <-time.After(1200 * time.Millisecond): // two heartbeats
	}
	b.outcome <- queue.Outcomes([]error{nil, errors.New("broken"), nil})
	f.await(queue.EventDone, 3)
	f.empty()
	for id, dead := range map[string]bool{ids[0]: true, ids[3]: true, ids[2]: false, ids[4]: false} {
		job, err := f.inspect.Job(t.Context(), "orders", id)
		if dead != (err == nil && job.Reason == inspect.ReasonByPerson) {
			t.Errorf("%s: %+v (%v), dead %t", id, job, err, dead)
		}
	}
	f.eventually("the orders are forgotten", func() bool {
		return f.rdb.HLen(t.Context(), f.stream()+":cancelled").Val() == 0
	})
}

func TestPauseHandsBackAGatheringBatch(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBatches()
	close(b.outcome)
	f.start(batchMux(b.handle, queue.BatchOf(4), queue.BatchWithin(3*time.Second)))
	f.enqueueEvents("a", "b", "c")
	f.eventually("the batch gathers", func() bool { return f.info().InFlight == 3 })
	f.must(f.inspect.Pause(t.Context(), "orders"))
	f.await(queue.EventPaused, 1)
	f.enqueueEvents("d")
	f.must(f.inspect.Resume(t.Context(), "orders"))
	if jobs := receive(t, b.came); len(jobs) != 4 || jobs[0].Redelivered != 0 {
		t.Errorf("%d jobs, the first %+v", len(jobs), jobs[0].Run)
	}
	f.empty()
}

func TestBatchOptionsAreChecked(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	fine := func(context.Context, []*queue.Job[event]) error { return nil }
	for want, mux := range map[string]*queue.Mux{
		"batch of 0":               batchMux(fine, queue.BatchOf(0)),
		"batch of 1001":            batchMux(fine, queue.BatchOf(1001)),
		"must not be negative":     batchMux(fine, queue.BatchWithin(-1)),
		"handler is nil":           batchMux(nil),
		"are for HandleBatch":      muxOf("k", noop, queue.BatchOf(2)),
		"BatchOf and BatchWithin ": muxOf("k", noop, queue.BatchWithin(time.Second)),
	} {
		_, err := queue.NewWorker(f.rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"orders": {}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if kinds := batchMux(fine).Kinds(); kinds[0].Policy.Batch != queue.DefaultBatch ||
		kinds[0].Policy.BatchWithin != queue.DefaultBatchWithin {
		t.Errorf("got %+v", kinds)
	}
}
