package queue

import "time"

const (
	readAheadFor = 10 * time.Millisecond // what a worker holds beyond its slots starts within so long
	readAheadMax = 2000
	rateEvery    = 5 * time.Millisecond // how often the rate of finished jobs is measured
	rateStale    = 100 * time.Millisecond
	lookEvery    = 10 * time.Millisecond // for each queue of the worker: how often one without jobs is looked at
	maxBuffered  = 8 << 20               // bytes of a queue's data that are held beyond the slots
)

// reserve waits until there is room and returns how many jobs a queue's loops may bring: see share. Unless wait is set,
// a slot may be waiting for them: the loop must look at once, and call looked or setParked when there are none. While
// the queue is paused it waits. It returns 0 when the queue has stopped.
func (d *dispatcher) reserve(b *buffer) (n int, wait bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.waiting++
	d.waiting++
	for !b.stopped && !d.closed {
		d.measure()
		if !b.paused && !d.isolating() {
			if n, wait = d.share(b, d.survey()); n > 0 {
				break
			}
		}
		b.room.Wait()
	}
	b.waiting--
	d.waiting--
	b.look = false
	if wait { // it is not certain that the read returns at once
		b.more = false
	}
	return n, wait
}

// roomToWait returns for each queue how many jobs its reading loop may bring if it may wait for them; 0 if not.
func (d *dispatcher) roomToWait(buffers []*buffer) []int {
	if len(buffers) == 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.measure()
	s, rooms := d.survey(), make([]int, len(buffers))
	for i, b := range buffers {
		if b.stopped || b.paused || d.closed || d.isolating() {
			continue
		}
		if n, wait := d.share(b, s); wait {
			rooms[i] = max(n, 0)
		}
	}
	return rooms
}

// looked ends what a reserve of the reading loop began. more says that Redis has more jobs of the queue, and part that
// not even as many were asked for as there was room for.
func (d *dispatcher) looked(b *buffer, more, part bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.looked = monotonic()
	b.more = more && !b.stopped && !b.paused
	b.filling = b.more && part
	d.passed(b)
}

// setParked notes that the claiming loop is about to bring parked jobs, or that it has ended.
func (d *dispatcher) setParked(b *buffer, parked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.parked = parked
	d.passed(b)
}

// passed lets the others go on for which a slot may have waited in vain.
func (d *dispatcher) passed(b *buffer) {
	if !b.brings() {
		d.wake()
		d.wakeReaders()
	}
}

// awaitBytes waits until the queue holds few enough bytes for more, and reports whether it does: false when it has
// stopped.
func (d *dispatcher) awaitBytes(b *buffer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting++
	b.full++
	for !b.stopped && !d.closed && b.bytes >= maxBuffered {
		b.room.Wait()
	}
	b.full--
	d.waiting--
	return !b.stopped && !d.closed
}

// wakeReaders wakes the loops for which there is room worth a read.
func (d *dispatcher) wakeReaders() {
	if d.waiting == 0 || d.isolating() {
		return
	}
	s := d.survey()
	for _, b := range d.buffers {
		if b.full > 0 && b.bytes < maxBuffered {
			b.room.Broadcast()
			continue
		}
		if b.claims > 0 && !b.paused && d.slotsFor(b, s) > 0 {
			b.room.Broadcast()
			continue
		}
		if b.waiting == 0 || b.paused {
			continue
		}
		if n, _ := d.share(b, s); n > 0 {
			b.room.Broadcast()
		}
	}
}

// markLooks notes, when a slot becomes free, which queues without jobs are to be looked at: those that no read waits at
// because the slots are few and slow. What is found waits for its turn.
func (d *dispatcher) markLooks() {
	if d.waiting == 0 || d.brisk || len(d.buffers) == 1 {
		return
	}
	now := monotonic()
	d.markLanes(now)
	for _, b := range d.buffers {
		if b.waiting > 0 && !b.more && now-b.looked >= int64(lookEvery)*int64(len(d.buffers)) {
			b.look = true
		}
	}
}

// aheadOf is how many jobs a queue may hold beyond the slots.
func (d *dispatcher) aheadOf(b *buffer, weights int) int {
	switch {
	case b.bytes >= maxBuffered || d.readAhead < 0:
		return 0
	case d.readAhead > 0:
		return d.readAhead * b.weight / weights
	}
	return min(d.ahead*b.weight/weights, 2*b.ahead) // twice: so that a queue can come up to its share
}

// measure sets how many jobs may be read ahead: as many as the slots are seen to finish in readAheadFor, of each queue
// and of all. Slow jobs are not read ahead at all, so that none waits here while another worker has a slot for it.
//
// Why: docs/decisions/engine.md#how-much-is-read-ahead-follows-the-finish-rate
func (d *dispatcher) measure() {
	now := monotonic()
	passed := time.Duration(now - d.measured)
	if passed < rateEvery {
		return
	}
	sum := 0.0
	for _, b := range d.buffers {
		rate := float64(b.finished-b.counted) / passed.Seconds()
		if b.rate = (b.rate + rate) / 2; passed > rateStale {
			b.rate = rate
		}
		b.ahead, b.counted = int(b.rate*readAheadFor.Seconds()), b.finished
		sum += b.rate
	}
	d.ahead = min(int(sum*readAheadFor.Seconds()), readAheadMax)
	d.brisk = d.ahead > 0
	d.measured = now
}
