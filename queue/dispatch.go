package queue

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	readAheadFor = 10 * time.Millisecond // what a worker holds beyond its slots starts within so long
	readAheadMax = 2000
	rateEvery    = 5 * time.Millisecond // how often the rate of finished jobs is measured
	rateStale    = 100 * time.Millisecond
)

// dispatcher gives the jobs that were read to the slots, and determines how much more the readers may read. Everything
// is guarded by one mutex, taken once for a job.
type dispatcher struct {
	total     int // slots
	readAhead int // as configured

	mu       sync.Mutex // guards the fields below, and those of every buffer
	work     sync.Cond  // a slot waits for a job
	capacity sync.Cond  // a reader waits for capacity
	closed   bool       // set when every subscription has ended
	buffers  []*buffer  // complete before the worker starts

	// Counted by readers (push), slots (next, finishBatch), and the loops that hand jobs back (take, disband).
	held     int   // jobs read and not finished
	batched  int   // of those: in a batch beside its first, and so in no slot of their own
	open     int   // how many more jobs the batches may take in that still gather
	busy     int   // slots that run a job or a batch
	idle     int   // slots that wait
	waking   int   // of those: signalled, and not awake yet
	waiting  int   // readers that wait
	claiming int   // of those and others: loops that want slots for parked jobs
	finished int64 // jobs, since the start

	suspects []*task // one crash away from dead; added by readers, taken by slots and by the loops that hand back
	alone    *task   // of those, the one that runs, for a while; set by its slot

	// Set by measure, in a reader.
	ahead    int       // jobs that may be held beyond the slots, now
	rate     float64   // of finished jobs in a second
	measured time.Time // when that was
	counted  int64     // finished then
}

// buffer is what was read from one queue and has not started, and the queue's share. All of it but the weight is
// guarded by the dispatcher's mutex.
type buffer struct {
	weight  int
	credit  int     // of the smooth weighted round-robin
	active  bool    // the last read brought something; set by readers
	tasks   []*task // added by readers, taken by slots and by the loops that hand back
	first   int     // tasks before it are taken
	stopped bool    // set by serve
	paused  bool    // set by the heartbeat

	gathering []*batch // begun by slots, filled by readers
}

func newDispatcher(total, readAhead int) *dispatcher {
	d := &dispatcher{total: total, readAhead: readAhead, ahead: max(readAhead, 0), measured: time.Now()}
	d.work.L, d.capacity.L = &d.mu, &d.mu
	return d
}

func (d *dispatcher) addBuffer(weight int) *buffer {
	b := &buffer{weight: weight}
	d.buffers = append(d.buffers, b)
	return b
}

// next finishes the job of a slot, if any, and gives it the next; it returns nil when the worker has ended.
func (d *dispatcher) next(slot *atomic.Pointer[task]) *task {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ended := slot.Swap(nil); ended != nil {
		if d.alone == ended {
			d.alone = nil
		}
		d.busy--
		d.finished++
		d.drop(1)
	}
	for {
		t := d.pickSuspect()
		if t == nil && !d.isolating() {
			t = d.pick()
		}
		if t != nil {
			d.busy++
			slot.Store(t)
			d.wake()
			return t
		}
		if d.closed {
			return nil
		}
		d.idle++
		d.work.Wait()
		d.idle--
		d.waking = max(d.waking-1, 0)
	}
}

// wake wakes one slot if there is a job for it and no other is being woken; that one wakes the next. Short jobs are
// run by the few slots that are awake, instead of by all of them waking for one each.
func (d *dispatcher) wake() {
	if d.waking == 0 && d.idle > 0 && d.held-d.batched > d.busy {
		d.waking++
		d.work.Signal()
	}
}

// drop ends the count of n jobs as held, and wakes the readers when there is capacity worth a read.
func (d *dispatcher) drop(n int) {
	d.held -= n
	d.wakeReaders()
}

func (d *dispatcher) wakeReaders() {
	if d.waiting > 0 && d.hasCapacity() {
		d.capacity.Broadcast()
	}
}

// hasCapacity reports whether a read is worth its round trip: a slot would go idle, or half of what may be read ahead
// is used up, or a batch gathers. Reading many at once is what makes a job cheap. While parked jobs wait for a slot,
// nothing is read ahead; while a suspect is isolated, nothing is read.
func (d *dispatcher) hasCapacity() bool {
	ahead := d.ahead / 2
	if d.claiming > 0 {
		ahead = 0
	}
	return !d.isolating() && d.held-d.batched < d.total+ahead+d.open
}

// rewind makes the memory free again when everything is taken.
func (b *buffer) rewind() {
	if b.first == len(b.tasks) {
		b.tasks, b.first = b.tasks[:0], 0
	}
}

// push takes over jobs that were read. It refuses when the queue has stopped or is paused: they must be released.
func (d *dispatcher) push(b *buffer, tasks []*task) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.stopped || b.paused || d.closed {
		return false
	}
	d.held += len(tasks)
	b.tasks = append(b.tasks, d.join(b, d.setAside(tasks))...)
	d.wake()
	return true
}

// reserve waits until there is capacity and returns how many jobs the queue's readers may read: its share, by weight,
// among the queues that have jobs. While the queue is paused it waits. It returns 0 when the queue has stopped.
func (d *dispatcher) reserve(b *buffer) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !b.stopped && !d.closed {
		d.measure()
		if !b.paused && d.hasCapacity() {
			return d.share(b)
		}
		d.waiting++
		d.capacity.Wait()
		d.waiting--
	}
	return 0
}

// measure sets how many jobs may be read ahead: as many as the slots are seen to finish in readAheadFor. Slow jobs are
// not read ahead at all, so that none waits here while another worker has a slot for it.
//
// Why: docs/decisions/engine.md#how-much-is-read-ahead-follows-the-finish-rate
func (d *dispatcher) measure() {
	if d.readAhead != 0 {
		return
	}
	passed := time.Since(d.measured)
	if passed < rateEvery {
		return
	}
	rate := float64(d.finished-d.counted) / passed.Seconds()
	if d.rate = (d.rate + rate) / 2; passed > rateStale {
		d.rate = rate
	}
	d.ahead = min(int(d.rate*readAheadFor.Seconds()), readAheadMax)
	d.measured, d.counted = time.Now(), d.finished
}

// setActive notes whether a queue's read brought something.
func (d *dispatcher) setActive(b *buffer, active bool) {
	d.mu.Lock()
	b.active = active
	d.mu.Unlock()
}

// take removes the jobs of a queue that have not started, all of them or those that match.
func (d *dispatcher) take(b *buffer, match func(*task) bool) []*task {
	d.mu.Lock()
	defer d.mu.Unlock()
	var taken []*task
	kept := b.tasks[:0]
	for _, t := range b.tasks[b.first:] {
		if match(t) {
			taken = append(taken, t)
		} else {
			kept = append(kept, t)
		}
	}
	clear(b.tasks[len(kept):])
	b.tasks, b.first = kept, 0
	d.drop(len(taken))
	return taken
}

// stop ends a queue's reads: reserve returns 0 and push refuses.
func (d *dispatcher) stop(b *buffer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.stopped, b.active = true, false
	d.capacity.Broadcast()
}

// resume allows a queue's reads again.
func (d *dispatcher) resume(b *buffer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.stopped = false
}

// setPaused stops a queue's reads, or allows them again. It reports whether that is a change.
func (d *dispatcher) setPaused(b *buffer, paused bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.paused == paused {
		return false
	}
	b.paused = paused
	if paused {
		b.active = false
	}
	d.capacity.Broadcast()
	return true
}

// close makes every slot end when it has run what is left.
func (d *dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.work.Broadcast()
	d.capacity.Broadcast()
}

func (d *dispatcher) running() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy
}

// tasks lists a queue's jobs that have not started.
func (d *dispatcher) tasks(b *buffer) []*task {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unstarted(b)
}

// unstarted lists a queue's jobs that have not started, suspects first.
func (d *dispatcher) unstarted(b *buffer) []*task {
	found := slices.DeleteFunc(slices.Clone(d.suspects), func(t *task) bool { return t.ses.buffer != b })
	return append(found, b.tasks[b.first:]...)
}

// entries lists the entries of a queue's jobs that have not started.
func (d *dispatcher) entries(b *buffer) map[wire.EntryRef]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(map[wire.EntryRef]bool, len(b.tasks)-b.first)
	for _, t := range d.unstarted(b) {
		held[t.entry] = true
	}
	return held
}
