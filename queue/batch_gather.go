package queue

import (
	"slices"
	"time"
)

// batch is the jobs of one kind and one session that a slot carries together. Until it is closed it gathers, and
// everything of it is guarded by the mutex of the slots; afterwards it is the slot's own.
type batch struct {
	from   *buffer
	size   int // jobs at the most
	tasks  []*task
	closed chan struct{} // no more jobs come

	fit []*task    // of those: that are run
	ctx runContext // of the run
}

// isBatched tells whether the job is run in a batch, be it alone.
func (t *task) isBatched() bool {
	return t.kind != nil && t.kind.batched && t.err == nil && t.crashes < t.ses.w.cfg.MaxCrashes && t.cancelled.Load() == nil
}

func (g *batch) isFull() bool { return len(g.tasks) >= g.size }

// admits tells whether a job may join: not one that may be the end of the others.
func (g *batch) admits(t *task) bool {
	lead := g.tasks[0]
	return !g.isFull() && t.kind == lead.kind && t.ses == lead.ses && t.isBatched() && !t.isLastChance()
}

// fill takes in the jobs that may join and returns the others, in the same memory.
func (g *batch) fill(tasks []*task) (others []*task) {
	others = tasks[:0]
	for i, t := range tasks {
		if g.isFull() {
			others = append(others, tasks[i:]...)
			break
		}
		if !g.admits(t) {
			others = append(others, t)
			continue
		}
		t.batch = g
		g.tasks = append(g.tasks, t)
	}
	clear(tasks[len(others):])
	return others
}

// gather begins a batch with a job that has a slot, and what else is there for it. As long as it is not full it has
// seats, which the readers may fill: a batch never waits for slots.
func (s *dispatcher) gather(b *buffer, lead *task) {
	g := &batch{from: b, size: lead.kind.policy.Batch, tasks: []*task{lead}, closed: make(chan struct{})}
	lead.batch = g
	if lead.isLastChance() {
		g.size = 1
	}
	b.tasks = b.tasks[:b.first+len(g.fill(b.tasks[b.first:]))]
	b.rewind()
	s.batched += len(g.tasks) - 1
	if g.isFull() || b.stopped || b.paused || s.closed {
		close(g.closed)
		return
	}
	b.gathering = append(b.gathering, g)
	s.openSeats += g.size - len(g.tasks)
	s.wakeReaders()
}

// join lets jobs that were read join the batches that gather, and returns the others.
func (s *dispatcher) join(b *buffer, tasks []*task) (others []*task) {
	for _, g := range slices.Clone(b.gathering) {
		before := len(g.tasks)
		tasks = g.fill(tasks)
		s.batched += len(g.tasks) - before
		s.openSeats -= len(g.tasks) - before
		if g.isFull() && s.endGathering(g) {
			close(g.closed)
		}
	}
	return tasks
}

// await waits until the batch is full or its first job has waited long enough, or until it is disbanded.
func (s *dispatcher) await(g *batch, lead *task) {
	select {
	case <-g.closed:
		return
	default:
	}
	timer := time.NewTimer(lead.kind.policy.BatchWithin - time.Duration(monotonic()-lead.heldSince))
	defer timer.Stop()
	select {
	case <-g.closed:
	case <-timer.C:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.endGathering(g) {
			close(g.closed)
		}
	}
}

// endGathering takes a batch off those that gather; it tells whether it was one. The caller closes it.
func (s *dispatcher) endGathering(g *batch) bool {
	i := slices.Index(g.from.gathering, g)
	if i < 0 {
		return false
	}
	g.from.gathering = slices.Delete(g.from.gathering, i, i+1)
	s.openSeats -= g.size - len(g.tasks)
	return true
}

// disband takes the jobs out of a source's batches that still gather. The slot of each finds it empty.
func (s *dispatcher) disband(b *buffer) []*task {
	s.mu.Lock()
	defer s.mu.Unlock()
	var taken []*task
	for _, g := range slices.Clone(b.gathering) {
		s.endGathering(g)
		taken = append(taken, g.tasks...)
		s.removeBatch(g)
		g.tasks = nil
		close(g.closed)
	}
	return taken
}

// unload takes the jobs of a batch off the books, all but the first, which is in the slot's hand.
func (s *dispatcher) finishBatch(g *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished += int64(len(g.tasks) - 1)
	s.removeBatch(g)
}

func (s *dispatcher) removeBatch(g *batch) {
	riders := len(g.tasks) - 1
	s.batched -= riders
	s.drop(riders)
}

// riders lists the jobs of a slot's hand: one, or a batch.
func (s *dispatcher) tasksIn(t *task) []*task {
	if t.batch == nil {
		return []*task{t}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(t.batch.tasks)
}
