package queue

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// someTasks makes n jobs of a source whose stream IDs are name-1, name-2, …
func someTasks(b *buffer, name string, n int) []*task {
	ses := &session{subscription: &subscription{buffer: b}}
	tasks := make([]*task, n)
	for i := range tasks {
		tasks[i] = &task{entry: wire.EntryRef{ID: fmt.Sprintf("%s-%d", name, i+1)}, ses: ses}
	}
	return tasks
}

// places waits for room and returns how much there is.
func places(s *dispatcher, b *buffer) int {
	n, _ := s.reserve(b)
	return n
}

func names(tasks []*task) string {
	var ids []string
	for _, t := range tasks {
		ids = append(ids, t.entry.ID)
	}
	return strings.Join(ids, " ")
}

// order lets one slot run n jobs and returns the first letter of each, in order.
func order(s *dispatcher, slot *atomic.Pointer[task], n int) string {
	var order strings.Builder
	for range n {
		order.WriteByte(s.next(slot).entry.ID[0])
	}
	return order.String()
}

func TestSlotsAreSharedByWeight(t *testing.T) {
	t.Parallel()
	s := newDispatcher(1, 0)
	a, b := s.addBuffer(5), s.addBuffer(1)
	s.push(a, someTasks(a, "a", 500))
	s.push(b, someTasks(b, "b", 100))
	var slot atomic.Pointer[task]
	for round := range 100 {
		if got := order(s, &slot, 6); strings.Count(got, "a") != 5 || strings.Count(got, "b") != 1 {
			t.Fatalf("round %d: %s, want five of a and one of b", round, got)
		}
	}
	if s.ready != 0 || s.busy != 1 {
		t.Errorf("%d ready, %d busy, want the last one", s.ready, s.busy)
	}
}

// The order in which nginx serves servers of these weights: no source waits longer than it must.
func TestSharesAreSmooth(t *testing.T) {
	t.Parallel()
	s := newDispatcher(1, 0)
	for i, weight := range []int{5, 1, 1} {
		b := s.addBuffer(weight)
		s.push(b, someTasks(b, string(rune('a'+i)), 20))
	}
	var slot atomic.Pointer[task]
	if got, want := order(s, &slot, 21), strings.Repeat("aabacaa", 3); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSourceAloneHasEverySlot(t *testing.T) {
	t.Parallel()
	s := newDispatcher(1, 0)
	a, b := s.addBuffer(5), s.addBuffer(1)
	s.push(b, someTasks(b, "b", 1100))
	var slot atomic.Pointer[task]
	if got := order(s, &slot, 1000); got != strings.Repeat("b", 1000) {
		t.Error("a source without jobs was given slots")
	}
	s.push(a, someTasks(a, "a", 50)) // it neither catches up nor pays for the time it was away
	if got := order(s, &slot, 12); strings.Count(got, "b") != 2 {
		t.Errorf("%s, want two of b", got)
	}
}

func TestReserveSharesTheRoom(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		total, readAhead, held int
		weights                []int
		hungry                 bool // the sources but the first
		want                   int
	}{
		"alone":                             {total: 10, readAhead: -1, weights: []int{3}, want: 10},
		"alone, with a read-ahead":          {total: 10, readAhead: 6, weights: []int{3}, want: 16},
		"some are held":                     {total: 10, readAhead: -1, held: 4, weights: []int{1}, want: 6},
		"the read-ahead is half used up":    {total: 10, readAhead: 6, held: 12, weights: []int{1}, want: 4},
		"the other finds nothing":           {total: 12, readAhead: -1, weights: []int{5, 1}, want: 12},
		"the other has jobs":                {total: 12, readAhead: -1, weights: []int{5, 1}, hungry: true, want: 10},
		"the heavier one has jobs":          {total: 12, readAhead: -1, weights: []int{1, 5}, hungry: true, want: 2},
		"three":                             {total: 12, readAhead: -1, weights: []int{1, 2, 3}, hungry: true, want: 2},
		"nothing was finished, none beyond": {total: 10, readAhead: 0, weights: []int{1}, want: 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newDispatcher(test.total, test.readAhead)
			for _, weight := range test.weights {
				s.addBuffer(weight)
			}
			for _, other := range s.buffers[1:] {
				other.more = test.hungry
			}
			s.buffers[0].more = test.hungry
			s.push(s.buffers[0], someTasks(s.buffers[0], "a", test.held))
			if got := places(s, s.buffers[0]); got != test.want {
				t.Errorf("got room for %d, want %d", got, test.want)
			}
		})
	}
}

// reserving waits for capacity in a goroutine of its own, and sends how much it was.
func reserving(s *dispatcher, b *buffer) <-chan int {
	answer := make(chan int, 1)
	go func() { answer <- places(s, b) }()
	return answer
}

// still fails the test if there is an answer although everything has come to rest.
func still(t *testing.T, answer <-chan int, why string) {
	t.Helper()
	synctest.Wait()
	select {
	case n := <-answer:
		t.Errorf("got %d although %s", n, why)
	default:
	}
}

func TestReserveWaitsForRoomWorthARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(4, 4) // room is worth a read when fewer than 4 + 4/2 are held
		b := s.addBuffer(1)
		s.push(b, someTasks(b, "a", 8))
		room := reserving(s, b)
		var slot atomic.Pointer[task]
		for held := 8; held >= 6; held-- {
			still(t, room, fmt.Sprintf("%d are held", held))
			if held == 8 {
				s.next(&slot) // starts one, finishes none
			}
			s.next(&slot)
		}
		if got := <-room; got != 3 {
			t.Errorf("got room for %d, want 3", got)
		}
	})
}

func TestReadAheadFollowsTheFinishRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(4, 0)
		b := s.addBuffer(1)
		var slot atomic.Pointer[task]
		s.push(b, someTasks(b, "a", 1))
		s.next(&slot) // one is always in slot, so that next never waits
		pass := func(d time.Duration, finish int) int {
			s.push(b, someTasks(b, "a", finish))
			for range finish {
				s.next(&slot)
			}
			<-time.After(d) // the bubble's clock
			return places(s, b) - 3
		}
		if got := pass(time.Millisecond, 1000); got != 0 {
			t.Errorf("%d ahead after a moment too short to measure", got)
		}
		for range 20 {
			pass(10*time.Millisecond, 100) // 10,000 a second
		}
		if got := pass(10*time.Millisecond, 100); got < 99 || got > 101 {
			t.Errorf("%d ahead at 10,000 jobs a second, want 100", got)
		}
		if got := pass(10*time.Millisecond, 50); got < 74 || got > 76 {
			t.Errorf("%d ahead at half the rate, want 75: half way there", got)
		}
		for range 20 {
			pass(10*time.Millisecond, 5000)
		}
		if got := pass(10*time.Millisecond, 5000); got != readAheadMax {
			t.Errorf("%d ahead, want %d at the most", got, readAheadMax)
		}
		if got := pass(time.Second, 1); got != 0 {
			t.Errorf("%d ahead of jobs that take a second", got)
		}
	})
}

func TestConfiguredReadAheadStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(4, 7)
		b := s.addBuffer(1)
		<-time.After(time.Minute)
		if got := places(s, b); got != 11 {
			t.Errorf("got room for %d, want 11", got)
		}
	})
}

func TestTakeRemovesWhatHasNotStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(2, -1)
		a, b := s.addBuffer(1), s.addBuffer(1)
		s.push(a, someTasks(a, "a", 6))
		s.push(b, someTasks(b, "b", 1))
		var first, second atomic.Pointer[task]
		s.next(&first)
		s.next(&second) // a-1 and b-1 run
		room := reserving(s, a)
		still(t, room, "every slot has a job")

		even := func(t *task) bool { return strings.ContainsAny(t.entry.ID, "246") }
		if got := names(s.take(a, even)); got != "a-2 a-4 a-6" {
			t.Errorf("took %s", got)
		}
		still(t, room, "every slot has a job")
		if got := s.entries(a); len(got) != 2 || !got[wire.EntryRef{ID: "a-3"}] || !got[wire.EntryRef{ID: "a-5"}] {
			t.Errorf("left %v", got)
		}
		if got := names(s.take(a, func(*task) bool { return true })); got != "a-3 a-5" {
			t.Errorf("took %s", got)
		}
		if got := s.take(a, func(*task) bool { return true }); got != nil {
			t.Errorf("took %s once more", names(got))
		}
		if s.ready != 0 || s.running() != 2 {
			t.Errorf("%d ready, %d run; want the two that run", s.ready, s.running())
		}
		s.push(b, someTasks(b, "b", 1))
		s.next(&first) // b's second job in place of a-1
		s.push(a, nil)
		still(t, room, "every slot has a job")
		s.close()
		if got := <-room; got != 0 {
			t.Errorf("got room for %d in a closed dispatcher", got)
		}
	})
}

func TestTakeMakesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(2, -1)
		b := s.addBuffer(1)
		s.push(b, someTasks(b, "a", 3))
		room := reserving(s, b)
		still(t, room, "three are held")
		s.take(b, func(t *task) bool { return t.entry.ID != "a-1" })
		if got := <-room; got != 1 {
			t.Errorf("got room for %d, want 1", got)
		}
	})
}

func TestStoppedSourceReadsNothingUntilResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(6, -1)
		a, b := s.addBuffer(5), s.addBuffer(1)
		s.push(b, someTasks(b, "b", 6))
		room := reserving(s, a)
		still(t, room, "every slot has a job")
		s.stop(a)
		if got := <-room; got != 0 {
			t.Errorf("a stopped queue got room for %d", got)
		}
		if s.push(a, someTasks(a, "a", 1)) || s.ready != 6 {
			t.Error("a stopped queue handed a job over")
		}
		s.take(b, func(*task) bool { return true })
		if got := places(s, b); got != 6 {
			t.Errorf("the other has room for %d, want all 6: a stopped queue has no share", got)
		}
		s.resume(a)
		if got := places(s, a); got != 6 || !s.push(a, someTasks(a, "a", 1)) {
			t.Errorf("a resumed queue got room for %d, want 6", got)
		}
	})
}

func TestClosedSlotsRunWhatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDispatcher(3, -1)
		b := s.addBuffer(1)
		var idle sync.WaitGroup
		for range 2 {
			idle.Go(func() {
				if t2 := s.next(new(atomic.Pointer[task])); t2 != nil {
					t.Errorf("a slot got %s", t2.entry.ID)
				}
			})
		}
		synctest.Wait() // both wait for a job
		s.close()
		idle.Wait()
		if s.push(b, someTasks(b, "b", 1)) || places(s, b) != 0 {
			t.Error("a closed dispatcher take jobs")
		}

		s = newDispatcher(1, -1)
		b = s.addBuffer(1)
		s.push(b, someTasks(b, "b", 3))
		s.close()
		var slot atomic.Pointer[task]
		if got := order(s, &slot, 3); got != "bbb" {
			t.Errorf("ran %s", got)
		}
		if s.next(&slot) != nil || s.ready != 0 || s.busy != 0 || slot.Load() != nil {
			t.Errorf("%d ready, %d busy after the last", s.ready, s.busy)
		}
	})
}
