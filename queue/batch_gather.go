package queue

import (
	"slices"
	"time"
)

// batch is the jobs of one kind and one session that a slot runs together. Until it is closed it gathers, and every
// field is guarded by the mutex of the dispatcher; afterwards the slot alone uses it.
//
// Why: docs/decisions/engine.md#a-batch-takes-one-slot-and-gathers-in-it
type batch struct {
	from   *buffer
	size   int // jobs at the most
	tasks  []*task
	bytes  int           // of their data
	closed chan struct{} // no more jobs come

	fit []*task    // of those: that are run
	ctx runContext // of the run
}

// isBatched reports whether the job is run in a batch, be it alone.
func (t *task) isBatched() bool {
	return t.kind != nil && t.kind.batched && t.err == nil && t.crashes < t.ses.w.cfg.MaxCrashes &&
		t.cancelled.Load() == nil
}

// maxBatchBytes bounds the data of a batch's jobs. A batch that has so much is run with fewer jobs.
const maxBatchBytes = 16 << 20

func (g *batch) isFull() bool { return len(g.tasks) >= g.size || g.bytes >= maxBatchBytes }

func (g *batch) add(t *task) {
	t.batch = g
	g.tasks = append(g.tasks, t)
	g.bytes += t.bytes()
}

// admits reports whether a job may join: not one that may be the end of the others.
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
		g.add(t)
	}
	clear(tasks[len(others):])
	return others
}

// gather begins a batch with a job that has a slot, and what else was read for it. As long as it is not full the loops
// of its queue have room for what it lacks: a batch never waits for slots.
func (d *dispatcher) gather(b *buffer, lead *task) {
	g := &batch{from: b, size: lead.kind.policy.Batch, closed: make(chan struct{})}
	if g.add(lead); lead.isLastChance() {
		g.size = 1
	}
	b.tasks = b.tasks[:b.first+len(g.fill(b.tasks[b.first:]))]
	b.rewind()
	b.bytes -= g.bytes - lead.bytes()
	d.ready -= len(g.tasks) - 1
	if g.isFull() || b.stopped || b.paused || d.closed {
		close(g.closed)
		return
	}
	b.gathering = append(b.gathering, g)
	b.open += g.size - len(g.tasks)
}

// join lets jobs that were read join the batches that gather, and returns the others.
func (d *dispatcher) join(b *buffer, tasks []*task) (others []*task) {
	for _, g := range slices.Clone(b.gathering) {
		before := len(g.tasks)
		tasks = g.fill(tasks)
		b.open -= len(g.tasks) - before
		if g.isFull() && d.endGathering(g) {
			close(g.closed)
		}
	}
	return tasks
}

// await waits until the batch is full or its first job has waited long enough, or until it is disbanded.
func (d *dispatcher) await(g *batch, lead *task) {
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
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.endGathering(g) {
			close(g.closed)
		}
	}
}

// endGathering removes a batch from those that gather, and reports whether it was one. The caller closes it.
func (d *dispatcher) endGathering(g *batch) bool {
	i := slices.Index(g.from.gathering, g)
	if i < 0 {
		return false
	}
	g.from.gathering = slices.Delete(g.from.gathering, i, i+1)
	g.from.open -= g.size - len(g.tasks)
	return true
}

// disband takes the jobs out of the batches of a queue that still gather. The slot of each finds it empty.
func (d *dispatcher) disband(b *buffer) []*task {
	d.mu.Lock()
	defer d.mu.Unlock()
	var taken []*task
	for _, g := range slices.Clone(b.gathering) {
		d.endGathering(g)
		taken = append(taken, g.tasks...)
		g.tasks = nil
		close(g.closed)
	}
	return taken
}

// finishBatch counts a batch's jobs as finished, all but the first, which counts for the slot.
func (d *dispatcher) finishBatch(g *batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g.from.finished += int64(len(g.tasks) - 1)
}

// tasksIn lists the jobs of a slot that has this one: it alone, or its batch.
func (d *dispatcher) tasksIn(t *task) []*task {
	if t.batch == nil {
		return []*task{t}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(t.batch.tasks)
}
