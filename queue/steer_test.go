package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// seen counts by job ID what handlers were given.
type seen struct {
	mu   sync.Mutex
	data map[string][]string
}

func (s *seen) handle(_ context.Context, run *queue.Run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data[run.ID] = append(s.data[run.ID], string(run.Data))
	return nil
}

// A worker takes jobs in the moment in which a person changes them: each runs once, with the new data if the call
// returned nil.
func TestEditedWhileWorkersTakeThem(t *testing.T) {
	t.Parallel()
	const n = 300
	f := newFleet(t)
	runs := &seen{data: map[string][]string{}}
	f.start(muxOf("k", runs.handle), func(cfg *queue.WorkerConfig) { cfg.Concurrency, cfg.ReadAhead = 2, -1 })
	edited, taken := map[string]bool{}, 0
	for i := range n {
		id := f.enqueue("k", `"old"`, queue.In(time.Duration(i%3)*time.Millisecond)).ID
		_, err := f.inspect.EditData(t.Context(), "orders", id, []byte(`"new"`))
		switch {
		case err == nil:
			edited[id] = true
		case errors.Is(err, inspect.ErrHeld), errors.Is(err, inspect.ErrNotFound):
			edited[id] = false
			taken++
		default:
			t.Fatal(err)
		}
	}
	f.await(queue.EventDone, n)
	f.empty()
	t.Logf("%d edited, %d taken before", n-taken, taken)
	for id, is := range edited {
		want := map[bool]string{true: `"new"`, false: `"old"`}[is]
		if got := runs.data[id]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: ran with %v, want once with %s", id, got, want)
		}
	}
	f.inOrder()
}

// A person reschedules jobs in the moment in which they become due: each runs once.
func TestRescheduledWhileTheyBecomeDue(t *testing.T) {
	t.Parallel()
	const n = 200
	f := newFleet(t)
	runs := &seen{data: map[string][]string{}}
	f.start(muxOf("k", runs.handle))
	var ids []string
	for range n {
		ids = append(ids, f.enqueue("k", `{}`, queue.In(time.Millisecond)).ID)
	}
	for _, id := range ids {
		err := f.inspect.Reschedule(t.Context(), "orders", id, time.Now())
		if err != nil && !errors.Is(err, inspect.ErrNotFound) {
			t.Fatal(err)
		}
	}
	f.await(queue.EventDone, n)
	f.empty()
	for _, id := range ids {
		if got := runs.data[id]; len(got) != 1 {
			t.Errorf("%s: ran %d times", id, len(got))
		}
	}
	f.inOrder()
}
