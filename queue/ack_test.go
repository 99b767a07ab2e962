package queue

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

func doneJobs(tasks []*task) []doneJob {
	jobs := make([]doneJob, len(tasks))
	for i, t := range tasks {
		jobs[i].task = t
	}
	return jobs
}

// runAcker runs the acker until the test ends.
func (e *engine) runAcker() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.acker.run()
	}()
	e.Cleanup(func() {
		e.acker.close()
		within(e.T, "the acker", func() { <-ended })
	})
}

func TestAwaitReturnsWhenTheJobIsAcknowledged(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(2)
	e.runAcker()
	within(t, "the wait for an acknowledgement", func() {
		if !e.acker.await(doneJob{task: tasks[0]}) {
			t.Error("refused")
		}
	})
	if !tasks[0].recorded.Load() || tasks[1].recorded.Load() || e.pending()[e.consumer] != 1 {
		t.Errorf("recorded: %t, %t; %v", tasks[0].recorded.Load(), tasks[1].recorded.Load(), e.pending())
	}
	e.acker.close()
	if e.acker.await(doneJob{task: tasks[1]}) || e.acker.add(doneJob{task: tasks[1]}) {
		t.Error("a closed acker takes jobs")
	}
}

// Without its registration a session may still acknowledge what no other worker has taken, and only that.
func TestWithoutARegistrationEachEntryHasItsVerdict(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(3)
	e.must(e.rdb.Del(t.Context(), e.queue.Worker(e.consumer)).Err())
	e.must(e.rdb.XClaim(t.Context(), &redis.XClaimArgs{
		Stream: e.queue.Stream, Group: e.queue.Group, Consumer: "other#aaaaa1", Messages: []string{tasks[1].entry.ID},
	}).Err())
	e.must(e.acker.record(t.Context(), doneJobs(tasks)))
	for i, want := range []bool{true, false, true} {
		if got := tasks[i].recorded.Load(); got != want {
			t.Errorf("job %d: recorded %t, want %t", i, got, want)
		}
	}
	if done, dropped := len(e.events.of(EventDone)), len(e.events.of(EventDropped)); done != 2 || dropped != 1 {
		t.Errorf("%d done, %d dropped", done, dropped)
	}
	if !e.lost() {
		t.Error("the lease is not lost")
	}
	if held := e.pending(); held["other#aaaaa1"] != 1 || held[e.consumer] != 0 {
		t.Errorf("pending: %v", held)
	}
	if done := e.rdb.HGet(t.Context(), e.queue.Totals(), "done").Val(); done != "2" {
		t.Errorf("%s are counted", done)
	}
}

// A job that is done is not adopted, also when it could not be acknowledged while the lease held: it would be handed
// back, and run again though it is recorded in the end.
func TestWhatCouldNotBeAcknowledgedIsNotAdopted(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(2)
	e.lose()
	e.acker.flush(doneJobs(tasks[:1]))
	if held := e.heldEntries(); !held[tasks[0].entry] || held[tasks[1].entry] {
		t.Errorf("%v are held", held)
	}
}

func TestWhatCouldNotBeAcknowledgedIsRecordedInTheEnd(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(2)
	e.lose() // as when Redis was away for a lease
	if e.acker.flush(doneJobs(tasks)); len(e.acker.unrecorded) != 2 || e.pending()[e.consumer] != 2 {
		t.Fatalf("%d unrecorded, pending %v", len(e.acker.unrecorded), e.pending())
	}
	if len(e.events.of(EventDone))+len(e.events.of(EventDropped)) != 0 {
		t.Error("an outcome was reported before it was known")
	}
	for range 2 { // twice is once
		e.acker.recordRest(t.Context())
	}
	if !tasks[0].recorded.Load() || len(e.events.of(EventDone)) != 2 || e.pending()[e.consumer] != 0 {
		t.Errorf("recorded %t, %d done, pending %v", tasks[0].recorded.Load(), len(e.events.of(EventDone)), e.pending())
	}
}

// What is held against its entries is bounded in jobs and bytes, but for a job alone; and each has one verdict.
func TestJobsAreCheckedInBoundedCalls(t *testing.T) {
	t.Parallel()
	of := func(sizes ...int) (jobs []doneJob) {
		for _, size := range sizes {
			jobs = append(jobs, doneJob{task: &task{run: Run{Data: make([]byte, size)}}})
		}
		return jobs
	}
	for _, c := range []struct {
		jobs []doneJob
		want int
	}{
		{of(0), 1}, {of(make([]int, 99)...), 99}, {of(make([]int, 101)...), maxChecked}, {of(2*maxCheckedBytes, 1), 1},
		{of(maxCheckedBytes/2, maxCheckedBytes/2, 1), 2},
	} {
		if got := checkedAtOnce(c.jobs); got != c.want {
			t.Errorf("%d of %d jobs, want %d", got, len(c.jobs), c.want)
		}
	}
	e := newEngine(t)
	tasks := e.hold(250)
	e.w.epochs.Advance()
	e.must(e.acker.record(t.Context(), doneJobs(tasks)))
	if done := e.rdb.HGet(t.Context(), e.queue.Totals(), "done").Val(); done != "250" || e.pending()[e.consumer] != 0 {
		t.Errorf("%s are counted, pending %v", done, e.pending())
	}
	if n := len(e.events.of(EventDone)); n != 250 {
		t.Errorf("%d events", n)
	}
}

func TestRepeatedAcknowledgementIsCountedOnce(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(3)
	for range 2 {
		e.must(e.acker.record(t.Context(), doneJobs(tasks)))
	}
	if done := e.rdb.HGet(t.Context(), e.queue.Totals(), "done").Val(); done != "3" {
		t.Errorf("%s are counted", done)
	}
}

func TestEntriesOfTheAckerAreHeld(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(2)
	e.acker.add(doneJobs(tasks[:1])...)
	e.acker.swap()
	e.acker.add(doneJobs(tasks[1:])...)
	if held := e.heldEntries(); !held[tasks[0].entry] || !held[tasks[1].entry] || len(held) != 2 {
		t.Errorf("held: %v", held)
	}
}

// What was delivered and never arrived here is adopted; what is held already is not adopted again.
func TestAdoptTakesWhatIsNotHeld(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tasks := e.hold(5)
	e.track(tasks[:2])
	e.acker.add(doneJob{task: tasks[2]})
	for range 2 {
		e.must(e.adopt())
	}
	if n := len(e.w.dispatcher.entries(e.buffer)); n != 4 {
		t.Errorf("%d jobs wait for a slot, want 4", n)
	}
	e.handBack()
	if held := e.pending(); held["~released"] != 4 || held[e.consumer] != 1 {
		t.Errorf("pending: %v", held)
	}
	if n := len(e.events.of(EventReleased)); n != 4 {
		t.Errorf("%d were reported", n)
	}
	e.acker.swap() // nothing of it may be handed back when the session leaves
}
