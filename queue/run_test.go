package queue_test

import (
	"context"
	"math"
	"testing"

	"github.com/navvy-go/navvy/queue"
)

type resize struct{ Image string }

func (resize) Kind() string { return "image.resize" }

// All fields of a Run are exported, so a test of a handler makes one: every method works on it.
func TestARunThatATestMakes(t *testing.T) {
	t.Parallel()
	job := &queue.Job[resize]{Run: &queue.Run{ID: "j-1", Kind: "image.resize", Attempt: 1}, Args: resize{"a.png"}}
	if err := job.SetResult(map[string]int{"width": 7}); err != nil || string(job.Result()) != `{"width":7}` {
		t.Errorf("result %s, %v", job.Result(), err)
	}
	if err := job.SetProgress(t.Context(), 50, "half"); err != nil {
		t.Error(err)
	}
	if percent, note := job.Progress(); percent != 50 || note != "half" {
		t.Errorf("progress %v %q", percent, note)
	}
	for _, percent := range []float64{-1, 100.1, math.NaN(), math.Inf(1)} {
		if job.SetProgress(t.Context(), percent, "") == nil {
			t.Errorf("%v percent is accepted", percent)
		}
	}
	if job.Acknowledged() {
		t.Error("it is acknowledged")
	}
	if runs := job.Batch(); len(runs) != 1 || runs[0] != job.Run {
		t.Errorf("its batch is %v", runs)
	}
}

func TestMuxRunsOneHandlerWithoutAWorker(t *testing.T) {
	t.Parallel()
	mux := queue.NewMux()
	var order []string
	mux.Use(func(next queue.Handler) queue.Handler {
		return func(ctx context.Context, run *queue.Run) error {
			order = append(order, "middleware")
			return next(ctx, run)
		}
	})
	queue.Handle(mux, func(ctx context.Context, job *queue.Job[resize]) error {
		order = append(order, job.Args.Image)
		if found, ok := queue.FromContext(ctx); !ok || found != job.Run {
			t.Error("its context has another run")
		}
		if job.MaxAttempts != 3 {
			t.Errorf("it may be tried %d times", job.MaxAttempts)
		}
		if job.Args.Image == "bad.png" {
			panic("no such image")
		}
		return nil
	}, queue.MaxAttempts(3))
	run := func(kind, data string) error {
		return mux.Run(t.Context(), &queue.Run{Kind: kind, Data: []byte(data)})
	}
	if err := run("image.resize", `{"Image":"a.png"}`); err != nil || len(order) != 2 || order[0] != "middleware" ||
		order[1] != "a.png" {
		t.Errorf("got %v, order %v", err, order)
	}
	for name, test := range map[string]struct {
		kind, data string
		want       queue.OutcomeKind
	}{
		"a panic":      {"image.resize", `{"Image":"bad.png"}`, queue.OutcomeFailed},
		"not its data": {"image.resize", `[]`, queue.OutcomeUndecoded},
		"unknown kind": {"image.rotate", `{}`, queue.OutcomeFailed},
	} {
		if o := queue.OutcomeOf(run(test.kind, test.data)); o.Kind != test.want || o.Err == nil {
			t.Errorf("%s: got %+v", name, o)
		}
	}
}
