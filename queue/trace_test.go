package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Where a job comes from is known on every attempt, and afterwards.
func TestTraceAndRequestTravelWithTheJob(t *testing.T) {
	t.Parallel()
	const trace, request = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "req-7"
	for name, option := range map[string]queue.EnqueueOption{
		"at once": queue.MaxAttempts(5), "delayed": queue.In(time.Millisecond), "with an ID": queue.ID("o-1"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			job, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders"), option,
				queue.Trace(trace), queue.RequestID(request), queue.Retain(time.Minute))
			f.must(err)
			f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
				if run.Trace != trace || run.RequestID != request {
					t.Errorf("attempt %d: trace %q, request %q", run.Attempt, run.Trace, run.RequestID)
				}
				if run.Attempt == 1 {
					return errors.New("once more")
				}
				return nil
			}, queue.Backoff(time.Millisecond, time.Millisecond)))
			f.await(queue.EventDone, 1)
			info, err := f.inspect.Job(t.Context(), "orders", job.ID)
			f.must(err)
			if info.Trace != trace || info.RequestID != request {
				t.Errorf("got %+v", info)
			}
		})
	}
}

func TestMalformedOriginIsRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, option := range []queue.EnqueueOption{
		queue.Trace(""), queue.Trace("00-x"), queue.Trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n"),
		queue.RequestID(""), queue.RequestID("a b"),
	} {
		if job, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), option); err == nil {
			t.Errorf("got %+v", job)
		}
	}
}
