package queuetest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/queuetest"
)

var errDeclined = errors.New("card declined")

// muxOf returns a mux whose handler of Charge does what its order names.
func muxOf() *queue.Mux {
	mux := queue.NewMux()
	queue.Handle(mux, func(ctx context.Context, job *queue.Job[Charge]) error {
		switch job.Args.Order {
		case "fail":
			return errDeclined
		case "retry in":
			return queue.RetryIn(time.Minute, errDeclined)
		case "snooze":
			return queue.Snooze(time.Hour)
		case "cancel":
			return queue.Cancel(errDeclined)
		case "panic":
			panic("boom")
		case "slow":
			<-ctx.Done()
			return context.Cause(ctx)
		}
		if err := job.SetProgress(ctx, 50, "half"); err != nil {
			return err
		}
		return job.SetResult(job.Args.Cents)
	}, queue.MaxAttempts(3), queue.Timeout(20*time.Millisecond))
	return mux
}

func TestRunReturnsTheOutcome(t *testing.T) {
	t.Parallel()
	for order, want := range map[string]queue.Outcome{
		"fine":     {Kind: queue.OutcomeDone},
		"fail":     {Kind: queue.OutcomeFailed, Err: errDeclined},
		"retry in": {Kind: queue.OutcomeRetryIn, Delay: time.Minute, Err: errDeclined},
		"snooze":   {Kind: queue.OutcomeSnoozed, Delay: time.Hour},
		"cancel":   {Kind: queue.OutcomeCancelled, Err: errDeclined},
		"slow":     {Kind: queue.OutcomeFailed, Err: queue.ErrTimeout},
	} {
		ran, err := queuetest.Run(t.Context(), muxOf(), Charge{Order: order})
		if err != nil {
			t.Fatal(err)
		}
		got := ran.Outcome
		if got.Kind != want.Kind || got.Delay != want.Delay || want.Err != nil && !errors.Is(got.Err, want.Err) {
			t.Errorf("%s: got %+v, want %+v", order, got, want)
		}
		if dead := order == "cancel"; ran.Dead() != dead {
			t.Errorf("%s: dead is %t", order, ran.Dead())
		}
	}
}

func TestRunReturnsWhatTheHandlerRecorded(t *testing.T) {
	t.Parallel()
	ran, err := queuetest.Run(t.Context(), muxOf(), Charge{Order: "fine", Cents: 7})
	if err != nil {
		t.Fatal(err)
	}
	if percent, note := ran.Run.Progress(); percent != 50 || note != "half" || string(ran.Run.Result()) != "7" {
		t.Errorf("progress %v %q, result %s", percent, note, ran.Run.Result())
	}
	if r := ran.Run; r.ID == "" || r.Attempt != 1 || r.MaxAttempts != 3 || r.Queue != "default" || r.EnqueuedAt.IsZero() {
		t.Errorf("the run was %+v", r)
	}
}

func TestRunIsChangedByTheTest(t *testing.T) {
	t.Parallel()
	var seen queue.Run
	mux := queue.NewMux()
	queue.Handle(mux, func(_ context.Context, job *queue.Job[Charge]) error {
		seen = *job.Run
		return errDeclined
	}, queue.MaxAttempts(3))
	ran, err := queuetest.Run(t.Context(), mux, Charge{}, func(run *queue.Run) {
		run.ID, run.Attempt, run.LastError, run.Queue = "c-1", 3, "declined before", "payments"
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen.ID != "c-1" || seen.Attempt != 3 || seen.LastError != "declined before" || seen.Queue != "payments" {
		t.Errorf("the handler was given %+v", seen)
	}
	if !ran.Dead() {
		t.Error("the third failure of three is not dead")
	}
}

func TestRunOfAPanickingHandlerHasFailed(t *testing.T) {
	t.Parallel()
	ran, err := queuetest.Run(t.Context(), muxOf(), Charge{Order: "panic"})
	if err != nil {
		t.Fatal(err)
	}
	var panicked *queue.PanicError
	if ran.Outcome.Kind != queue.OutcomeFailed || !errors.As(ran.Outcome.Err, &panicked) || panicked.Value != "boom" {
		t.Errorf("got %+v", ran.Outcome)
	}
}

func TestRunOfUndecodableDataIsDead(t *testing.T) {
	t.Parallel()
	ran, err := queuetest.Run(t.Context(), muxOf(), queue.JSON("payment.charge", []byte(`{"cents":"many"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if ran.Outcome.Kind != queue.OutcomeUndecoded || !ran.Dead() {
		t.Errorf("got %+v", ran.Outcome)
	}
}

type unencodable struct{ F func() }

func (unencodable) Kind() string { return "unencodable" }

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	broken := queue.NewMux()
	queue.Handle[Charge](broken, nil)
	for want, c := range map[string]struct {
		mux  *queue.Mux
		args queue.Args
	}{
		"mux is nil":                       {nil, Charge{}},
		"handler is nil":                   {broken, Charge{}},
		`no handler for kind "mail.receip`: {muxOf(), Receipt{}},
		"args are nil":                     {muxOf(), nil},
		"data of unencodable":              {muxOf(), unencodable{}},
		"not valid JSON":                   {muxOf(), queue.JSON("payment.charge", []byte("{"))},
	} {
		if _, err := queuetest.Run(t.Context(), c.mux, c.args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestRunBatchReturnsAnOutcomeForEach(t *testing.T) {
	t.Parallel()
	mux := queue.NewMux()
	queue.HandleBatch(mux, func(_ context.Context, jobs []*queue.Job[Charge]) error {
		outcomes := make([]error, len(jobs))
		for i, job := range jobs {
			switch {
			case job.Args.Cents < 0:
				outcomes[i] = queue.Cancel(errDeclined)
			case len(job.Batch()) != len(jobs):
				outcomes[i] = errors.New("the run has another batch")
			default:
				outcomes[i] = job.SetResult(job.Args.Cents)
			}
		}
		return queue.Outcomes(outcomes)
	})
	ran, err := queuetest.RunBatch(t.Context(), mux, []Charge{{Cents: 1}, {Cents: -1}, {Cents: 3}})
	if err != nil {
		t.Fatal(err)
	}
	kinds := []queue.OutcomeKind{queue.OutcomeDone, queue.OutcomeCancelled, queue.OutcomeDone}
	for i, want := range kinds {
		if got := ran[i].Outcome; got.Kind != want {
			t.Errorf("job %d: got %+v, want %s", i, got, want)
		}
	}
	if string(ran[0].Run.Result()) != "1" || string(ran[2].Run.Result()) != "3" || ran[0].Run.ID == ran[2].Run.ID {
		t.Errorf("the runs were %+v and %+v", ran[0].Run, ran[2].Run)
	}
}

func TestRunBatchRefuses(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		mux  *queue.Mux
		args []Charge
	}{
		"mux is nil":               {nil, []Charge{{}}},
		"no runs":                  {muxOf(), nil},
		"at once are for HandleBa": {muxOf(), []Charge{{}, {}}},
	} {
		if _, err := queuetest.RunBatch(t.Context(), c.mux, c.args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
