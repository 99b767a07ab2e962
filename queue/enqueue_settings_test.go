package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

func TestResolveReadsEveryOption(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	durable := queue.Fsynced(2, time.Second)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	s, err := queue.ClientConfig{}.Resolve(queue.JSON("k", []byte(`{"a":1}`)), queue.On("q"), queue.At(at), queue.ID("i"),
		queue.Unique("u", time.Minute), queue.Durable(durable), queue.Trace(trace), queue.RequestID("r"),
		queue.MaxAttempts(3), queue.Timeout(time.Hour), queue.Backoff(time.Second, time.Minute), queue.Retain(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind != "k" || string(s.Data) != `{"a":1}` || s.Queue != "q" || s.ID != "i" || s.UniqueKey != "u" ||
		s.UniqueFor != time.Minute || *s.Durability != durable || s.Trace != trace || s.RequestID != "r" {
		t.Errorf("got %+v", s)
	}
	p := s.Policy
	if p.MaxAttempts != 3 || p.Timeout != time.Hour || p.BackoffMin != time.Second || p.BackoffMax != time.Minute ||
		p.Retain != time.Hour {
		t.Errorf("got the policy %+v", p)
	}
	if due := s.Due(at.Add(-time.Hour)); due == nil || !due.Equal(at) {
		t.Errorf("due %v, want %v", due, at)
	}
	if due := s.Due(at); due != nil {
		t.Errorf("due %v though its time has come", due)
	}
	if asked := durable.Asked(); asked != (queue.DurableResult{Replicas: 2, Fsynced: true}) {
		t.Errorf("asked for %+v", asked)
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	for want, resolve := range map[string]func() (queue.EnqueueSettings, error){
		"args are nil": func() (queue.EnqueueSettings, error) { return queue.ClientConfig{}.Resolve(nil) },
		"not valid JSON": func() (queue.EnqueueSettings, error) {
			return queue.ClientConfig{}.Resolve(queue.JSON("k", []byte("{")))
		},
		"is negative": func() (queue.EnqueueSettings, error) {
			return queue.ClientConfig{}.Resolve(queue.JSON("k", []byte("{}")), queue.In(-1))
		},
		"too large": func() (queue.EnqueueSettings, error) {
			return queue.ClientConfig{MaxData: 1}.Resolve(queue.JSON("k", []byte("{}")))
		},
	} {
		if _, err := resolve(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestRunBatchNeedsABatch(t *testing.T) {
	t.Parallel()
	mux := queue.NewMux()
	queue.Handle(mux, func(context.Context, *queue.Job[Welcome]) error { return nil })
	run := func(kind string) *queue.Run { return &queue.Run{Kind: kind, Data: []byte("{}")} }
	var none *queue.Mux
	welcome := run("mail.welcome")
	for want, err := range map[string]error{
		"mux is nil":                second(none.RunBatch(t.Context(), []*queue.Run{run("x")})),
		"no runs":                   second(mux.RunBatch(t.Context(), nil)),
		"no handler for kind":       second(mux.RunBatch(t.Context(), []*queue.Run{run("x")})),
		"2 runs at once are for Ha": second(mux.RunBatch(t.Context(), []*queue.Run{welcome, welcome})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestRunBatchGivesEachRunItsOutcome(t *testing.T) {
	t.Parallel()
	mux, sick := queue.NewMux(), errors.New("sick")
	queue.HandleBatch(mux, func(ctx context.Context, jobs []*queue.Job[Welcome]) error {
		if run, ok := queue.FromContext(ctx); !ok || len(run.Batch()) != 3 || len(jobs) != 2 {
			t.Errorf("the context has the run %+v, and the handler %d jobs", run, len(jobs))
		}
		return queue.Outcomes([]error{nil, sick})
	}, queue.BatchOf(3))
	runs := make([]*queue.Run, 0, 4)
	for _, data := range []string{"{}", "[]", "{}"} {
		runs = append(runs, &queue.Run{Kind: "mail.welcome", Data: []byte(data)})
	}
	outcomes, err := mux.RunBatch(t.Context(), runs)
	if err != nil {
		t.Fatal(err)
	}
	if outcomes[0] != nil || queue.OutcomeOf(outcomes[1]).Kind != queue.OutcomeUndecoded || !errors.Is(outcomes[2], sick) {
		t.Errorf("got %v", outcomes)
	}
	runs = append(runs, runs[0])
	_, err = mux.RunBatch(t.Context(), runs)
	if err == nil || !strings.Contains(err.Error(), "a batch has 3 at the most") {
		t.Errorf("got %v for a batch too large", err)
	}
	if _, err := mux.RunBatch(t.Context(), []*queue.Run{runs[0], {Kind: "other"}}); err == nil {
		t.Error("two kinds in one batch were run")
	}
}

func second(_ []error, err error) error { return err }
