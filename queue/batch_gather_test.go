package queue

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func batchedTasks(ses *session, kind *kind, n int) []*task {
	tasks := someTasks(nil, "b", n)
	for _, t := range tasks {
		t.kind, t.ses, t.heldSince = kind, ses, monotonic()
	}
	return tasks
}

func gatheringSlots(total, readAhead, size int) (*dispatcher, *session, *kind) {
	d := newDispatcher(total, readAhead)
	w := &Worker{cfg: WorkerConfig{MaxCrashes: 3}}
	return d, &session{subscription: &subscription{w: w, buffer: d.addBuffer(1)}},
		&kind{name: "k", batched: true, policy: Policy{Batch: size, BatchWithin: time.Second}}
}

// A batch that gathers asks for what it lacks, one that runs takes a slot, and in the end the books are empty.
func TestBatchesKeepTheBooks(t *testing.T) {
	t.Parallel()
	s, ses, k := gatheringSlots(2, -1, 10)
	b := ses.buffer
	s.push(b, batchedTasks(ses, k, 2))
	var first, second atomic.Pointer[task]
	lead := s.next(&first)
	if room := places(s, b); room != 1+8 {
		t.Errorf("room for %d, want a slot's one and the batch's eight", room)
	}
	s.push(b, batchedTasks(ses, k, 9))
	s.await(lead.batch, lead) // full: at once
	if n := len(lead.batch.tasks); n != 10 {
		t.Errorf("%d jobs in the batch", n)
	}
	next := s.next(&second)
	if room := places(s, b); room != 9 {
		t.Errorf("room for %d while one batch runs and one lacks nine", room)
	}
	if taken := s.disband(b); len(taken) != 1 || taken[0] != next {
		t.Errorf("%d jobs disbanded", len(taken))
	}
	if s.await(next.batch, next); len(next.batch.tasks) != 0 {
		t.Error("a disbanded batch has jobs")
	}
	s.finishBatch(lead.batch)
	s.close()
	s.next(&first)
	s.next(&second)
	if s.ready != 0 || s.busy != 0 || b.bytes != 0 || b.open != 0 || len(b.gathering) != 0 {
		t.Errorf("in the end: %d ready, %d busy, %d bytes, %d open, %d gathering", s.ready, s.busy, b.bytes, b.open,
			len(b.gathering))
	}
}

func TestABatchGathersFromItsFirstJobsComing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, ses, k := gatheringSlots(1, -1, 10)
		b := ses.buffer
		tasks := batchedTasks(ses, k, 1)
		<-time.After(400 * time.Millisecond) // of the bubble's clock
		s.push(b, tasks)
		var slot atomic.Pointer[task]
		lead, began := s.next(&slot), time.Now()
		s.await(lead.batch, lead)
		if waited := time.Since(began); waited != 600*time.Millisecond {
			t.Errorf("gathered for %s more, want the 600ms that were left", waited)
		}
	})
}

// What another kind, another session or a last chance is does not join.
func TestABatchAdmitsItsLike(t *testing.T) {
	t.Parallel()
	s, ses, k := gatheringSlots(1, -1, 10)
	_, other, _ := gatheringSlots(1, -1, 10)
	b := ses.buffer
	tasks := batchedTasks(ses, k, 6)
	tasks[1].kind = &kind{name: "single"}
	tasks[2].ses = other
	tasks[3].crashes = 2
	tasks[4].err = fmt.Errorf("damaged")
	s.push(b, tasks)
	var slot atomic.Pointer[task]
	if lead := s.next(&slot); names(lead.batch.tasks) != "b-1 b-6" || names(b.tasks[b.first:]) != "b-2 b-3 b-4 b-5" {
		t.Errorf("batch %q, left %q", names(lead.batch.tasks), names(b.tasks[b.first:]))
	}
}
