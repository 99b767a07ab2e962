package queue

import (
	"slices"
	"time"
)

const (
	// drainPatience is how long a job that may crash its worker waits for the handlers that run before it.
	drainPatience = time.Second
	// alonePatience is how long nothing else begins beside it, and no other prime suspect beside one: a crash that comes
	// later is rare, and the slots are many.
	alonePatience = time.Second
)

// setAside keeps the jobs that are one crash away from dead apart: each is run alone in its worker, so that no other is
// there when it crashes it, and it is not there when another does.
//
// Why: docs/decisions/engine.md#a-job-one-crash-away-from-dead-runs-alone
func (d *dispatcher) setAside(tasks []*task) (others []*task) {
	others = slices.DeleteFunc(tasks, func(t *task) bool {
		if !t.isLastChance() {
			return false
		}
		d.suspects = append(d.suspects, t)
		d.ready++
		time.AfterFunc(drainPatience, d.wakeForSuspect)
		return true
	})
	return others
}

// wakeForSuspect lets a slot look again: a suspect has waited long enough for the others.
func (d *dispatcher) wakeForSuspect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.suspects) > 0 {
		d.work.Signal()
	}
}

// isolating reports whether a suspect runs alone or waits for that: nothing else begins.
func (d *dispatcher) isolating() bool { return d.alone != nil || len(d.suspects) > 0 }

// pickSuspect returns the next suspect if it may begin: when nothing else runs, or it has waited long enough.
func (d *dispatcher) pickSuspect() *task {
	if d.alone != nil || len(d.suspects) == 0 ||
		d.busy > 0 && monotonic()-d.suspects[0].heldSince < int64(drainPatience) {
		return nil
	}
	t := d.suspects[0]
	d.suspects = slices.Delete(d.suspects, 0, 1)
	d.alone = t
	d.ready--
	time.AfterFunc(alonePatience, func() { d.endAlone(t) })
	if t.isBatched() {
		d.gather(t.ses.buffer, t)
	}
	return t
}

// endAlone lets others begin beside a suspect that has run for a while.
func (d *dispatcher) endAlone(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alone == t {
		d.alone = nil
		d.wake()
		d.wakeReaders()
	}
}

// takeSuspects removes the suspects of a queue that have not started.
func (d *dispatcher) takeSuspects(b *buffer) (taken []*task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspects = slices.DeleteFunc(d.suspects, func(t *task) bool {
		if t.ses.buffer != b {
			return false
		}
		taken = append(taken, t)
		return true
	})
	if d.ready -= len(taken); len(taken) > 0 {
		d.wake()
		d.wakeReaders()
	}
	return taken
}

// reserveSlots waits until there are free slots, and returns how many of them the queue may fill with parked jobs: they
// do not wait behind what is read ahead. It returns 0 when the queue has stopped.
func (d *dispatcher) reserveSlots(b *buffer) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.claims++
	d.waiting++
	for !b.stopped && !d.closed {
		if n = d.slotsFor(b, d.survey()); n > 0 && !b.paused && !d.isolating() {
			break
		}
		n = 0
		b.room.Wait()
	}
	b.claims--
	d.waiting--
	return n
}

// slotsFor is a queue's share of the free slots, by weight.
func (d *dispatcher) slotsFor(b *buffer, s survey) int {
	if b.behind {
		return 0
	}
	weights := s.weights
	if !b.brings() && b.holds() == 0 {
		weights += b.weight
	}
	part := (d.total - d.busy) * b.weight
	if s.furthest == b {
		part += weights - 1 // the rest of the division is for the queue that is furthest below its share
	}
	return part/weights - b.holds()
}

// pushFirst is push for jobs that were parked: they are before those that were read.
func (d *dispatcher) pushFirst(b *buffer, tasks []*task) bool { return d.insert(b, tasks, true) }
