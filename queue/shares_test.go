package queue_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// startOrder records of which queue the jobs are that begin, in order.
type startOrder struct {
	mu    sync.Mutex
	of    []string
	count map[string]int
	ended chan struct{} // closed when so many jobs of the queue high have begun
	until int
}

func newStartOrder(until int) *startOrder {
	return &startOrder{count: map[string]int{}, ended: make(chan struct{}), until: until}
}

func (s *startOrder) add(queue string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of = append(s.of, queue)
	if s.count[queue]++; queue == "high" && s.count[queue] == s.until {
		close(s.ended)
	}
}

// share is which part of the jobs were of the queue high, from when a quarter of those had begun until the last did.
func (s *startOrder) share() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	high, first, last := 0, 0, 0
	for i, queue := range s.of {
		if queue != "high" {
			continue
		}
		if high++; high == s.until/4 {
			first = i
		}
		last = i
	}
	return float64(high-s.until/4) / float64(last-first)
}

func (f *fleet) fillQueues(jobs int, queues ...string) {
	f.Helper()
	for _, name := range queues {
		items := make([]queue.Item, jobs)
		for i := range items {
			items[i] = queue.Item{Args: queue.JSON("k", []byte(`{}`)), Options: []queue.EnqueueOption{queue.On(name)}}
		}
		_, err := f.client.EnqueueMany(f.Context(), items)
		f.must(err)
	}
}

// working is a handler that takes about so long: not all end at once, as real ones do not.
func (s *startOrder) working(takes time.Duration) queue.Handler {
	return func(ctx context.Context, run *queue.Run) error {
		s.add(run.Queue)
		select {
		case <-time.After(time.Duration(float64(takes) * (0.5 + rand.Float64()))):
		case <-ctx.Done():
		}
		return nil
	}
}

// Weights are shares of the starts, however long jobs take and however few slots there are.
func TestWeightsAreSharesOfStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		weight, slots, jobs int
		takes               time.Duration
	}{
		{10, 1, 40, 50 * time.Millisecond}, {1000, 1, 40, 50 * time.Millisecond},
		{10, 4, 150, 50 * time.Millisecond}, {1000, 4, 150, 50 * time.Millisecond},
		{10, 20, 600, 50 * time.Millisecond}, {1000, 20, 600, 50 * time.Millisecond},
		{10, 20, 300, 250 * time.Millisecond},
		{10, 20, 2000, 10 * time.Millisecond}, {10, 20, 20_000, 0}, {3, 4, 20_000, 0},
	} {
		t.Run(fmt.Sprintf("%d to 1, %d slots, %s", c.weight, c.slots, c.takes), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.fillQueues(c.jobs, "low", "high")
			s := newStartOrder(c.jobs)
			f.start(muxOf("k", s.working(c.takes)), func(cfg *queue.WorkerConfig) {
				cfg.Concurrency, cfg.Observer = c.slots, nil
				cfg.Queues = map[string]queue.QueueConfig{"high": {Weight: c.weight}, "low": {}}
			})
			receive(t, s.ended)
			share, want := s.share(), float64(c.weight)/float64(c.weight+1)
			if t.Logf("%.3f of the starts, want %.3f", share, want); math.Abs(share-want) > 0.1 {
				t.Errorf("%.3f of the starts were of the preferred queue, want %.3f", share, want)
			}
		})
	}
}
