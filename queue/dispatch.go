package queue

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// dispatcher gives the jobs that were read to the slots, and determines how much more the readers may read. Everything
// is guarded by one mutex, taken once for a job.
type dispatcher struct {
	total     int // slots
	readAhead int // as configured

	mu      sync.Mutex // guards the fields below, and those of every buffer
	work    sync.Cond  // a slot waits for a job
	closed  bool       // set when every subscription has ended
	buffers []*buffer  // those of queues are complete before the worker starts; those of lanes come later

	families []*family // of queues that have lanes

	// Counted by readers (push), slots (next), and the loops that hand jobs back (take).
	ready   int // jobs in the buffers
	busy    int // slots that run a job or a batch
	idle    int // slots that wait
	waking  int // of those: signalled, and not awake yet
	waiting int // loops that wait for room

	suspects []*task // one crash away from dead; added by readers, taken by slots and by the loops that hand back
	alone    *task   // of those, the one that runs, for a while; set by its slot

	// Set by measure, in a reader.
	measured int64 // when, on the monotonic clock
	ahead    int   // how many jobs may be held beyond the slots
	brisk    bool  // that is, slots become free so often that a job held for one more does not wait
}

// buffer is what was read from one queue and has not started, and the queue's share. All of it is
// guarded by the dispatcher's mutex.
type buffer struct {
	weight int // of a lane: of its part of the queue's, set by weigh
	credit int // how far it is below its share of the starts: of the smooth weighted round-robin

	tasks   []*task // added by readers, taken by slots and by the loops that hand back
	first   int     // tasks before it are taken
	bytes   int     // of the data of those that are not
	stopped bool    // set by serve
	paused  bool    // set by the heartbeat

	family *family // of a queue with lanes, of whose this is one
	lane   Lane
	behind bool // it is not its turn as long as a lane before it has jobs; set by weigh

	gathering []*batch // begun by slots, filled by readers
	open      int      // how many jobs those lack

	room    sync.Cond // its loops wait for room
	waiting int       // that do
	full    int       // that wait for bytes to be free
	claims  int       // that wait for slots, for parked jobs
	more    bool      // when last seen, Redis had more of its jobs, and the reading loop is about to fetch them
	parked  bool      // the claiming loop is about to fetch parked ones
	filling bool      // and there was room for more than were asked for
	look    bool      // a slot became free: it is worth a look whether there are any
	looked  int64     // when that was last done, on the monotonic clock

	finished int64   // jobs, since the start
	counted  int64   // of those, at the last measurement
	rate     float64 // of finished jobs in a second
	ahead    int     // how many that is within readAheadFor
}

func newDispatcher(total, readAhead int) *dispatcher {
	d := &dispatcher{total: total, readAhead: readAhead, measured: monotonic()}
	d.work.L = &d.mu
	return d
}

func (d *dispatcher) addBuffer(weight int) *buffer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newBuffer(weight)
}

func (d *dispatcher) newBuffer(weight int) *buffer {
	b := &buffer{weight: weight, looked: monotonic()}
	b.room.L = &d.mu
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
		ended.ses.buffer.finished++
		d.markLooks()
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
		}
		d.wakeReaders()
		if t != nil || d.closed {
			return t
		}
		d.idle++
		d.work.Wait()
		d.idle--
		d.waking = max(d.waking-1, 0)
	}
}

// wake wakes one slot if there is a job and no other is being woken; that one wakes the next. Short jobs are run by the
// few slots that are awake, instead of by all of them waking for one each.
func (d *dispatcher) wake() {
	if d.waking == 0 && d.idle > 0 && d.ready > 0 {
		d.waking++
		d.work.Signal()
	}
}

// holds is how many jobs were read and have not started.
func (b *buffer) holds() int { return len(b.tasks) - b.first }

// rewind makes the memory free again when everything is taken.
func (b *buffer) rewind() {
	if b.first == len(b.tasks) {
		b.tasks, b.first = b.tasks[:0], 0
	}
}

// push takes over jobs that were read. It refuses when the queue has stopped or is paused: they must be released.
func (d *dispatcher) push(b *buffer, tasks []*task) bool { return d.insert(b, tasks, false) }

// insert takes over jobs, before those that are there or behind them.
func (d *dispatcher) insert(b *buffer, tasks []*task, first bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.stopped || b.paused || d.closed {
		return false
	}
	tasks = d.join(b, d.setAside(tasks))
	for _, t := range tasks {
		b.bytes += t.bytes()
	}
	at := len(b.tasks)
	if first {
		at = b.first
	}
	b.tasks = slices.Insert(b.tasks, at, tasks...)
	d.ready += len(tasks)
	d.wake()
	return true
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
			b.bytes -= t.bytes()
		} else {
			kept = append(kept, t)
		}
	}
	clear(b.tasks[len(kept):])
	b.tasks, b.first = kept, 0
	d.ready -= len(taken)
	d.wakeReaders()
	return taken
}

// stop ends a queue's reads: reserve returns 0 and push refuses.
func (d *dispatcher) stop(b *buffer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.stopped, b.more = true, false
	d.changed(b)
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
		b.more = false
	}
	d.changed(b)
	return true
}

// changed wakes whatever may have waited for a queue that is stopped, paused or resumed, or in vain for its jobs.
func (d *dispatcher) changed(b *buffer) {
	b.room.Broadcast()
	d.wake()
	d.wakeReaders()
}

// close makes every slot end when it has run what is left.
func (d *dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.work.Broadcast()
	for _, b := range d.buffers {
		b.room.Broadcast()
	}
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
	held := make(map[wire.EntryRef]bool, b.holds())
	for _, t := range d.unstarted(b) {
		held[t.entry] = true
	}
	return held
}
