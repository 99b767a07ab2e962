package queue

// family is the lanes of a queue as the dispatcher has them: they share what the queue has a right to.
//
// Why: docs/decisions/engine.md#lanes-share-the-starts-of-their-queue
type family struct {
	weight int        // the queue's
	strict bool       // a lane has nothing while one before it has jobs
	lanes  [3]*buffer // by Lane
	shares [3]int     // likewise
}

// finer is by how much weights are multiplied once there are lanes, so that they can be divided among them.
const finer = 1 << 12

// addLanes makes buffers for the lanes beside the normal one, which has one already.
func (d *dispatcher) addLanes(normal *buffer, shares [3]int, strict bool) [3]*buffer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.families) == 0 {
		for _, b := range d.buffers {
			b.weight, b.credit = b.weight*finer, b.credit*finer
		}
	}
	f := &family{weight: normal.weight, strict: strict, shares: shares}
	for lane := range f.lanes {
		b := normal
		if Lane(lane) != Normal {
			b = d.newBuffer(normal.weight)
		}
		b.family, b.lane, f.lanes[lane] = f, Lane(lane), b
	}
	d.families = append(d.families, f)
	d.weigh()
	return f.lanes
}

// hasJobs reports whether the queue has jobs, here or in Redis and about to be read.
func (b *buffer) hasJobs() bool { return b.holds() > 0 || b.brings() }

// weigh divides the weights of queues among their lanes that have jobs, and any that may come to have some.
func (d *dispatcher) weigh() {
	for _, f := range d.families {
		sum, taken := 0, false
		for lane, b := range f.lanes {
			if b.hasJobs() {
				sum += f.shares[lane]
			}
		}
		for _, lane := range laneOrder {
			b := f.lanes[lane]
			all := sum
			if !b.hasJobs() {
				all += f.shares[lane]
			}
			b.weight, b.behind = max(f.weight*f.shares[lane]/all, 1), f.strict && taken
			if f.strict {
				b.weight = f.weight
			}
			taken = taken || b.hasJobs()
		}
	}
}

// laneOrder is that in which lanes go.
var laneOrder = [...]Lane{High, Normal, Low}

// regain gives lanes that had more than their share, and have no jobs now, what they would have had since: a job that
// comes late does not wait for what others did before.
func (d *dispatcher) regain() {
	for _, f := range d.families {
		for _, b := range f.lanes {
			if b.credit < 0 && !b.hasJobs() {
				b.credit = min(b.credit+b.weight, 0)
			}
		}
	}
}

// markLanes notes, when a slot becomes free, that lanes without jobs are to be looked at first which no read waits at:
// the slot waits for the answer if it is their turn.
func (d *dispatcher) markLanes(now int64) {
	for _, f := range d.families {
		for _, b := range f.lanes {
			if b.waiting > 0 && !b.more && !b.stopped && !b.paused &&
				now-b.looked >= int64(lookEvery)*int64(len(d.families)-1) {
				b.more = true
			}
		}
	}
}
