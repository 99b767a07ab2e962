package inspect_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

func TestEveryStateCountsWhatItLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n, state := range inspect.States() {
		if state == inspect.StateInFlight || state == inspect.StateWaiting {
			continue // they would be run by the workers of the others: at the end
		}
		for range n + 1 {
			w.inState(state)
		}
	}
	for range 2 {
		w.inState(inspect.StateInFlight)
	}
	w.inState(inspect.StateWaiting)
	want := map[inspect.State]int64{
		inspect.StateWaiting: 1, inspect.StateInFlight: 2, inspect.StateDelayed: 3, inspect.StateRetrying: 4,
		inspect.StateDead: 5, inspect.StateCancelled: 6, inspect.StateExpired: 7,
		inspect.StateDone: 0, // records are not counted
	}
	info, err := w.look.Queue(t.Context(), "orders")
	w.must(err)
	for _, state := range inspect.States() {
		if got := info.Count(state); got != want[state] {
			t.Errorf("%s: %d are counted, want %d", state, got, want[state])
		}
		page, err := w.look.Search(t.Context(), "orders", inspect.Query{State: state}, inspect.Page{})
		if !state.Listed() {
			if !errors.Is(err, inspect.ErrBadQuery) {
				t.Errorf("%s is listed: %v", state, err)
			}
			continue
		}
		w.must(err)
		if int64(len(page.Jobs)) != want[state] || page.Total != want[state] {
			t.Errorf("%s: %d are listed of %d, want %d", state, len(page.Jobs), page.Total, want[state])
		}
		count, err := w.look.CountMatching(t.Context(), "orders", inspect.Query{State: state}, 0)
		if err != nil || count.Matched != want[state] || count.Truncated {
			t.Errorf("%s: %+v, %v", state, count, err)
		}
		for _, job := range page.Jobs {
			if job.State != state {
				t.Errorf("among the %s is one that is %s", state, job.State)
			}
		}
	}
}

func TestStatesThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inState(inspect.StateWaiting)
	for _, state := range []inspect.State{"", "Waiting", "in flight", "gone"} {
		if state.Listed() || len(state.Actions()) > 0 {
			t.Errorf("%q is listed, or has the actions %v", state, state.Actions())
		}
		_, err := w.look.Search(t.Context(), "orders", inspect.Query{State: state}, inspect.Page{})
		if !errors.Is(err, inspect.ErrBadQuery) ||
			!strings.Contains(err.Error(), "waiting, in_flight, delayed, retrying, dead, cancelled or expired") {
			t.Errorf("%q: %v", state, err)
		}
	}
	if got := inspect.StateInFlight.Label(); got != "in flight" {
		t.Errorf("its label is %q", got)
	}
}

// Each method that takes a queue says so when nobody has ever used it.
func TestUnknownQueues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, query := t.Context(), inspect.Query{State: inspect.StateDead}
	for name, call := range map[string]func(queue string) error{
		"Queue":  func(q string) error { _, err := w.look.Queue(ctx, q); return err },
		"Job":    func(q string) error { _, err := w.look.Job(ctx, q, "j"); return err },
		"Search": func(q string) error { _, err := w.look.Search(ctx, q, query, inspect.Page{}); return err },
		"ByID": func(q string) error {
			query := query
			query.ID = "j"
			_, err := w.look.Search(ctx, q, query, inspect.Page{})
			return err
		},
		"Count":   func(q string) error { _, err := w.look.CountMatching(ctx, q, query, 0); return err },
		"Groups":  func(q string) error { _, err := w.look.DeadGroups(ctx, q, 0); return err },
		"Workers": func(q string) error { _, err := w.look.Workers(ctx, q); return err },
		"Metrics": func(q string) error { _, err := w.look.Metrics(ctx, q); return err },
		"Stats": func(q string) error {
			_, err := w.look.Stats(ctx, q, time.Now().Add(-time.Hour), time.Now(), time.Minute)
			return err
		},
		"Verify":     func(q string) error { _, err := w.look.Verify(ctx, q, nil); return err },
		"Pause":      func(q string) error { return w.look.Pause(ctx, q) },
		"Resume":     func(q string) error { return w.look.Resume(ctx, q) },
		"Act":        func(q string) error { _, err := w.look.Act(ctx, q, query, inspect.ActionRequeue, nil); return err },
		"Purge":      func(q string) error { _, err := w.look.Purge(ctx, q, inspect.StateDead, nil); return err },
		"Requeue":    func(q string) error { return w.look.RequeueWith(ctx, q, "j", []byte(`{}`)) },
		"Reschedule": func(q string) error { return w.look.Reschedule(ctx, q, "j", time.Now()) },
		"Quiet":      func(q string) error { return w.look.QuietWorker(ctx, q, "w") },
		"Wake":       func(q string) error { return w.look.WakeWorker(ctx, q, "w") },
		"Stop":       func(q string) error { return w.look.StopWorker(ctx, q, "w") },
	} {
		if err := call("nowhere"); !errors.Is(err, inspect.ErrNotFound) || !strings.HasPrefix(err.Error(), "queue: ") {
			t.Errorf("%s: got %v", name, err)
		}
		for _, odd := range []string{"", "a b", "a{b", "a}", "a\nb", strings.Repeat("x", 129)} {
			if err := call(odd); err == nil || errors.Is(err, inspect.ErrNotFound) {
				t.Errorf("%s of %q: got %v", name, odd, err)
			}
		}
	}
}

func TestKeysOfAQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.inState(inspect.StateDone)
	w.inState(inspect.StateRetrying)
	w.inState(inspect.StateDead)
	w.inState(inspect.StateDelayed)
	w.inState(inspect.StateInFlight)
	w.must(w.look.Pause(t.Context(), "orders"))
	info, err := w.look.Queue(t.Context(), "orders")
	w.must(err)
	k := info.Keys
	for key, typ := range map[string]string{
		k.Stream: "stream", k.Delayed: "zset", k.Retrying: "zset", k.Bodies: "hash", k.Dead: "stream", k.DeadIDs: "hash",
		k.Paused: "string", k.Totals: "hash", k.Metrics: "hash", k.Result(id): "string",
	} {
		if got := w.rdb.Type(t.Context(), key).Val(); got != typ {
			t.Errorf("%s is a %s, want a %s", key, got, typ)
		}
	}
	if k.Stream != w.stream() || k.Worker("w#1") != w.key("worker:w#1") || k.Workers != w.key("workers") ||
		k.Caretaker != w.key("caretaker") || k.Crashed != w.key("crashed") || k.Cancelled != w.key("cancelled") {
		t.Errorf("got %+v", k)
	}
}

func TestNamespacesThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, namespace := range []string{"a b", "{a}", "a}", "\n"} {
		if _, err := inspect.New(w.rdb, inspect.Config{Namespace: namespace}); err == nil {
			t.Errorf("%q is accepted", namespace)
		}
	}
	other, err := inspect.New(w.rdb, inspect.Config{Namespace: w.namespace + "-other"})
	w.must(err)
	w.enqueue("k", `{}`)
	if names, err := other.Queues(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("another namespace has the queues %v, %v", names, err)
	}
	if names, err := w.look.Queues(t.Context()); err != nil || len(names) != 1 || names[0] != "orders" {
		t.Errorf("this one has %v, %v", names, err)
	}
}
