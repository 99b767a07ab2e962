package inspect_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestEditingOnEveryState(t *testing.T) {
	t.Parallel()
	refused := map[inspect.State]error{
		inspect.StateInFlight: inspect.ErrHeld, inspect.StateDead: inspect.ErrNotFound,
		inspect.StateCancelled: inspect.ErrNotFound, inspect.StateExpired: inspect.ErrNotFound,
		inspect.StateDone: inspect.ErrNotFound,
	}
	for _, state := range inspect.States() {
		t.Run(state.Label(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.inState(state)
			before := w.job(id)
			was, err := w.look.EditData(t.Context(), "orders", id, []byte(`{"cents":2}`))
			after := w.job(id)
			if want := refused[state]; want != nil {
				if !errors.Is(err, want) || string(after.Data) != string(before.Data) {
					t.Errorf("got %v, and the data is %s", err, after.Data)
				}
				return
			}
			w.must(err)
			if string(was.Data) != string(before.Data) || was.ID != id {
				t.Errorf("it was %+v", was)
			}
			before.Data, before.Entry = after.Data, after.Entry
			if string(after.Data) != `{"cents":2}` || before.Attempt != after.Attempt || before.State != after.State ||
				before.Error != after.Error || !before.EnqueuedAt.Equal(*after.EnqueuedAt) ||
				(before.Due != nil && !before.Due.Equal(*after.Due)) {
				t.Errorf("before:\n%+v\nafter:\n%+v", before, after)
			}
			if audit, err := w.look.Verify(t.Context(), "orders", nil); err != nil || !audit.OK() {
				t.Errorf("the accounts: %+v, %v", audit, err)
			}
		})
	}
}

func TestAnEditedJobKeepsItsIDAndItsKeys(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]queue.EnqueueOption{"waiting": nil, "delayed": {queue.In(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			opts := append(opts, queue.ID("o-1"), queue.Unique("u", time.Hour))
			w.enqueue("done", `{"cents":1}`, opts...)
			w.enqueue("done", `{}`, queue.ID("o-2"))
			_, err := w.look.EditData(t.Context(), "orders", "o-1", []byte(`{"cents":2}`))
			w.must(err)
			job := w.job("o-1")
			if string(job.Data) != `{"cents":2}` || job.UniqueKey != "u" || job.Ref != "" {
				t.Errorf("got %+v", job)
			}
			for _, opt := range []queue.EnqueueOption{queue.ID("o-1"), queue.Unique("u", time.Hour)} {
				again, err := w.client.Enqueue(t.Context(), queue.JSON("done", []byte(`{}`)), queue.On("orders"), opt)
				if w.must(err); !again.Duplicate || again.ID != "o-1" {
					t.Errorf("got %+v, want a duplicate of o-1", again)
				}
			}
			if name == "delayed" {
				w.must(w.look.RunNow(t.Context(), "orders", "o-1"))
			}
			waiting, err := w.look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, inspect.Page{})
			w.must(err)
			if len(waiting.Jobs) != 2 || waiting.Jobs[1].ID != "o-1" {
				t.Errorf("it is not the last: %+v", waiting.Jobs)
			}
			w.work(2)
			if again := w.enqueueAgain("o-1"); !again.Duplicate || again.State != string(inspect.StateDone) {
				t.Errorf("after its end: %+v", again)
			}
		})
	}
}

// enqueueAgain enqueues a job of an ID that was used before.
func (w *world) enqueueAgain(id string) *queue.Enqueued {
	w.Helper()
	again, err := w.client.Enqueue(w.Context(), queue.JSON("done", []byte(`{}`)), queue.On("orders"), queue.ID(id))
	w.must(err)
	return again
}

func TestEditingAParkedJobKeepsItsDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.inState(inspect.StateInFlight)
	if _, err := w.look.EditData(t.Context(), "orders", id, []byte(`{}`)); !errors.Is(err, inspect.ErrHeld) {
		t.Errorf("of a job that its worker may be running: %v", err)
	}
	w.must(w.look.Release(t.Context(), "orders", id))
	_, err := w.look.EditData(t.Context(), "orders", id, []byte(`{"cents":2}`))
	w.must(err)
	job := w.job(id)
	if job.State != inspect.StateWaiting || job.Redelivered != 1 || string(job.Data) != `{"cents":2}` {
		t.Errorf("got %+v", job)
	}
	if audit, err := w.look.Verify(t.Context(), "orders", nil); err != nil || !audit.OK() {
		t.Errorf("the accounts: %+v, %v", audit, err)
	}
}

func TestDataIsCheckedBeforeAnEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.inState(inspect.StateWaiting)
	before := w.job(id)
	for _, bad := range []string{"", "{", `"` + strings.Repeat("x", queue.DefaultMaxData) + `"`} {
		if _, err := w.look.EditData(t.Context(), "orders", id, []byte(bad)); err == nil {
			t.Errorf("%.10q is no data", bad)
		}
	}
	if after := w.job(id); after.Entry != before.Entry {
		t.Errorf("got %+v", after)
	}
	if _, err := w.look.EditData(t.Context(), "orders", "nobody", []byte(`{}`)); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
