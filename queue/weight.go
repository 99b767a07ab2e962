package queue

// pick takes the next job by smooth weighted round-robin over the queues that have one. It returns nil when it is the
// turn of a queue whose job is just being read: the slot waits for it. While slots become free all the time, others go
// first, a few, and its next turns make up for it.
//
// Why: docs/decisions/engine.md#a-free-slot-waits-for-the-queue-whose-turn-it-is
func (d *dispatcher) pick() *task {
	s := d.survey()
	best := s.ready
	d.regain()
	if best == nil || best != s.furthest && (!d.brisk || s.furthest.credit > s.weights*passedOver) {
		return nil
	}
	for _, b := range d.buffers {
		if b.hasJobs() && !b.behind {
			b.credit += b.weight
		}
	}
	best.credit -= s.weights
	t := best.tasks[best.first]
	best.tasks[best.first] = nil
	best.first++
	best.rewind()
	best.bytes -= t.bytes()
	d.ready--
	if t.isBatched() {
		d.gather(best, t)
	}
	return t
}

// passedOver is how many starts a queue may be behind before a slot waits for it in any case.
const passedOver = 16

// survey is how the queues of a worker stand that have jobs: here, or in Redis and about to be read.
type survey struct {
	weights  int     // their sum
	have     int     // how many there are
	bring    int     // of those: whose next jobs are being read
	furthest *buffer // below its share of the starts
	ready    *buffer // that, of those that have jobs here
}

func (d *dispatcher) survey() (s survey) {
	d.weigh()
	for _, b := range d.buffers {
		brings, here := b.brings(), b.holds() > 0
		if !brings && !here || b.behind {
			continue
		}
		s.have++
		s.weights += b.weight
		if brings {
			s.bring++
		}
		if s.furthest.before(b) {
			s.furthest = b
		}
		if here && s.ready.before(b) {
			s.ready = b
		}
	}
	return s
}

// before reports whether it is another queue's turn before that of b.
func (b *buffer) before(other *buffer) bool {
	return b == nil || other.credit+other.weight > b.credit+b.weight
}

// brings reports whether a loop is about to bring jobs, and will not wait for them to come.
func (b *buffer) brings() bool { return (b.more || b.parked) && !b.stopped && !b.paused }

// share returns how many jobs a queue may hold more: its share of the free slots by weight, what may be read ahead of
// them, and what its batches lack. It is 0 as long as a read is not worth its round trip. The read may wait for jobs to
// come if no other queue has any, or if it takes none of their slots by it.
func (d *dispatcher) share(b *buffer, s survey) (n int, wait bool) {
	if b.behind {
		return 0, false
	}
	brings, weights := b.brings(), s.weights
	others := s.have
	if brings || b.holds() > 0 {
		others--
	} else {
		weights += b.weight
	}
	free, ahead := d.total-d.busy, d.aheadOf(b, weights)
	part := free * b.weight
	if s.furthest == b {
		part += weights - 1 // the rest of the division is for the queue that is furthest below its share
	}
	n = part/weights + ahead + b.open - b.holds()
	worth := n > ahead-ahead/2 || n > 0 && (b.open > 0 || b.filling)
	switch {
	case others == 0: // by now: others may come to have jobs while the read waits
		wait = !brings || len(d.buffers) == 1
	case brings:
		if d.brisk && s.furthest == b && b.holds() == 0 {
			n, worth = max(n, 1), true
		}
	case d.brisk || s.bring == 0 && free > d.ready:
		if wait = true; b.holds() == 0 {
			n, worth = max(n, 1), true
		}
	default:
		n, worth = 1, b.look && b.holds() == 0
	}
	if !worth {
		n = 0
	}
	return n, wait
}
