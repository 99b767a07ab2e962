package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestAPaceCountsFromWhenJobsAreDue has a system that stands still at first: the jobs that it delays are late by
// as much.
func TestAPaceCountsFromWhenJobsAreDue(t *testing.T) {
	t.Parallel()
	const stall = 200 * time.Millisecond
	p := newPace(1000, 100*time.Millisecond)
	p.handled(firstPaced - 1) // warms up
	p.begin()
	first := true
	err := p.enqueue(t.Context(), func(ctx context.Context, n int) error {
		if first {
			first = false
			if err := pause(ctx, stall); err != nil {
				return err
			}
		}
		p.handled(n)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	waits, err := p.await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(waits) != 100 {
		t.Fatalf("%d latencies", len(waits))
	}
	for n, wait := range waits {
		if least := stall - time.Duration(n)*time.Millisecond; wait < least {
			t.Errorf("job %d, delayed by the first, is %v late, not %v", n, wait, least)
		}
	}
}

func TestAPaceNoticesWhoFallsBehind(t *testing.T) {
	t.Parallel()
	p := newPace(1000, 10*time.Millisecond)
	p.begin()
	p.start = p.start.Add(-2 * behind)
	err := p.enqueue(t.Context(), func(context.Context, int) error { return nil })
	if !errors.Is(err, errBehind) {
		t.Errorf("got %v", err)
	}
}
