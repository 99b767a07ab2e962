package queue

import (
	"sync/atomic"
	"testing"
)

// twoQueues is a dispatcher with a slot and two sources, the first with ten times the weight.
func twoQueues() (s *dispatcher, high, low *buffer) {
	s = newDispatcher(1, -1)
	return s, s.addBuffer(10), s.addBuffer(1)
}

// The turn of a queue whose next job is in Redis is not another's, and only that queue reads.
func TestAFreeSlotWaitsForTheQueueWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	s, high, low := twoQueues()
	high.more, low.more = true, true
	s.push(low, someTasks(low, "l", 1))
	if got := s.pick(); got != nil {
		t.Errorf("%s was started in the turn of a queue that is about to bring its job", got.entry.ID)
	}
	if n, wait := s.reserve(high); n != 1 || wait {
		t.Errorf("it has room for %d, and waits: %t", n, wait)
	}
	if n, _ := s.share(low, s.survey()); n != 0 {
		t.Errorf("the other has room for %d more", n)
	}
	s.looked(high, false, false) // it was empty
	var slot atomic.Pointer[task]
	if got := s.next(&slot); got.entry.ID != "l-1" {
		t.Errorf("then %s is started", got.entry.ID)
	}
}

// While slots become free all the time, a queue is passed over a few times, and not for ever.
func TestABriskWorkerPassesAQueueOverAFewTimes(t *testing.T) {
	t.Parallel()
	s, high, low := twoQueues()
	s.brisk, high.more = true, true
	s.push(low, someTasks(low, "l", 100))
	started := 0
	for s.pick() != nil {
		started++
	}
	if started < passedOver || started > 2*passedOver {
		t.Errorf("%d jobs of the other were started", started)
	}
	s.push(high, someTasks(high, "h", 100))
	for i := range passedOver {
		if got := s.pick(); got.entry.ID[0] != 'h' {
			t.Errorf("start %d is %s: the queue has to catch up", i, got.entry.ID)
		}
	}
}

// A queue that was found empty is looked at for one job when a slot becomes free, and no slot waits for it.
func TestAnEmptyQueueIsLookedAtForOneJob(t *testing.T) {
	t.Parallel()
	s, high, low := twoQueues()
	s.push(high, someTasks(high, "h", 3))
	var slot atomic.Pointer[task]
	s.next(&slot)
	if n, _ := s.share(low, s.survey()); n != 0 {
		t.Errorf("room for %d while the slot is taken", n)
	}
	low.waiting, s.waiting, low.looked = 1, 1, monotonic()-int64(lookEvery)*2
	if got := s.next(&slot); got.entry.ID != "h-2" {
		t.Errorf("%s is started", got.entry.ID)
	}
	if n, wait := s.share(low, s.survey()); n != 1 || wait {
		t.Errorf("room for %d, and the look waits: %t", n, wait)
	}
}

// What is held is bounded in bytes.
func TestReadAheadIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	s := newDispatcher(2, 100)
	b := s.addBuffer(1)
	tasks := someTasks(b, "a", 3)
	for _, job := range tasks {
		job.run.Data = make([]byte, maxBuffered/2)
	}
	s.push(b, tasks)
	if n, _ := s.share(b, s.survey()); n > 0 {
		t.Errorf("room for %d more beside %d bytes", n, b.bytes)
	}
	var first, second atomic.Pointer[task]
	s.next(&first)
	s.next(&second)
	if n, _ := s.share(b, s.survey()); n != 99 || b.bytes != maxBuffered/2 {
		t.Errorf("room for %d more beside %d bytes, want 99", n, b.bytes)
	}
}
