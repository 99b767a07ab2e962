package queue

// pick takes the next job by smooth weighted round-robin over the queues that have one.
func (d *dispatcher) pick() *task {
	var best *buffer
	sum := 0
	for _, b := range d.buffers {
		if b.first == len(b.tasks) {
			continue
		}
		sum += b.weight
		b.credit += b.weight
		if best == nil || b.credit > best.credit {
			best = b
		}
	}
	if best == nil {
		return nil
	}
	best.credit -= sum
	t := best.tasks[best.first]
	best.tasks[best.first] = nil
	best.first++
	best.rewind()
	if t.isBatched() {
		d.gather(best, t)
	}
	return t
}

func (d *dispatcher) share(b *buffer) int {
	sum := b.weight
	for _, other := range d.buffers {
		if other != b && other.active {
			sum += other.weight
		}
	}
	ahead := d.ahead
	if d.claiming > 0 {
		ahead = 0
	}
	free := d.total + ahead + d.open - (d.held - d.batched)
	return max(1, free*b.weight/sum)
}
