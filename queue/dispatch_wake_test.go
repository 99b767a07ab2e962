package queue

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The bubble's clock moves only when every goroutine is blocked for good: when a wake-up was lost.
func TestNoWakeUpIsLost(t *testing.T) {
	t.Parallel()
	for _, readAhead := range []int{-1, 0, 7} {
		synctest.Test(t, func(t *testing.T) {
			const each = 10_000
			s := newDispatcher(32, readAhead)
			ran := make(chan *task, 3*each)
			sources := []*buffer{s.addBuffer(5), s.addBuffer(1), s.addBuffer(1)}
			for range s.total {
				go func() {
					var slot atomic.Pointer[task]
					for t := s.next(&slot); t != nil; t = s.next(&slot) {
						ran <- t
					}
				}()
			}
			for i, b := range sources {
				go feedAll(s, b, someTasks(b, string(rune('a'+i)), each))
			}
			defer synctest.Wait()
			defer s.close()
			seen := map[string]bool{}
			for len(seen) < 3*each {
				select {
				case job := <-ran:
					if seen[job.entry.ID] {
						t.Fatalf("%s ran twice", job.entry.ID)
					}
					seen[job.entry.ID] = true
				case <-time.After(time.Hour):
					t.Fatalf("read-ahead %d: all at rest after %d of %d jobs; %d ready, %d busy, %d idle, %d readers wait",
						readAhead, len(seen), 3*each, s.ready, s.busy, s.idle, s.waiting)
				}
			}
		})
	}
}

// feedAll hands jobs over as a reader does: as many as there is room for, when there is.
func feedAll(s *dispatcher, b *buffer, tasks []*task) {
	for len(tasks) > 0 {
		n, _ := s.reserve(b)
		found := min(n, len(tasks))
		if !s.push(b, tasks[:found]) {
			return
		}
		s.looked(b, found == n, false)
		tasks = tasks[found:]
	}
	if n, _ := s.reserve(b); n > 0 { // and finds nothing
		s.looked(b, false, false)
	}
}

// A slot that is about to sleep must not miss the job that comes at that moment.
func TestSingleJobsAlwaysFindASlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(8, -1)
		b := s.addBuffer(1)
		ran := make(chan struct{}, 8)
		for range s.total {
			go func() {
				var slot atomic.Pointer[task]
				for s.next(&slot) != nil {
					ran <- struct{}{}
				}
			}()
		}
		defer synctest.Wait()
		defer s.close()
		for i := range 10_000 {
			n := 1 + i%8
			s.push(b, someTasks(b, "a", n))
			for range n {
				select {
				case <-ran:
				case <-time.After(time.Hour):
					t.Fatalf("push %d of %d jobs: one never ran", i, n)
				}
			}
		}
	})
}

// One job's slot wakes the next: jobs that come together run together.
func TestJobsReadTogetherRunTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(8, -1)
		b := s.addBuffer(1)
		free := make(chan struct{})
		for range s.total {
			go func() {
				var slot atomic.Pointer[task]
				for s.next(&slot) != nil {
					<-free
				}
			}()
		}
		synctest.Wait() // all are idle
		s.push(b, someTasks(b, "a", 9))
		synctest.Wait()
		if n := s.running(); n != 8 {
			t.Errorf("%d of 9 jobs run in 8 slots", n)
		}
		s.close()
		close(free)
	})
}
