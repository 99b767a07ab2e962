package queuetest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/queuetest"
)

func TestClockStandsUntilItIsAdvanced(t *testing.T) {
	t.Parallel()
	clock := queuetest.NewClock(noon)
	for range 2 {
		if now := clock.Now(); !now.Equal(noon) {
			t.Errorf("it shows %v, want its start, %v", now, noon)
		}
	}
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() { clock.Advance(time.Minute) })
	}
	callers.Wait()
	if got, want := clock.Now(), noon.Add(10*time.Minute); !got.Equal(want) {
		t.Errorf("it shows %v, want %v", got, want)
	}
}

// Redis keeps due times in whole milliseconds, rounded up.
func TestClockMakesAJobDueAfterExactlyItsDelay(t *testing.T) {
	t.Parallel()
	rdb, clock, mux := queuetest.Server(t), queuetest.NewClock(noon.Add(123_456)), queue.NewMux()
	queue.Handle(mux, func(context.Context, *queue.Job[Charge]) error { return nil })
	id := enqueue(t, newClient(t, rdb, clock.Now), Charge{}, queue.In(time.Hour))
	clock.Advance(time.Hour)
	cfg := on("default")
	cfg.Now = clock.Now
	wantTypes(t, queuetest.Drain(t, rdb, mux, cfg).Job(id), queue.EventStarted, queue.EventDone)
}
