package queue

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	readAheadFor = 10 * time.Millisecond // what a worker holds beyond its slots starts within so long
	readAheadMax = 2000
	rateEvery    = 5 * time.Millisecond // how often the rate of finished jobs is measured
	rateStale    = 100 * time.Millisecond
)

// slots hands the jobs that were read to the goroutines that run them, and tells the readers how much more may be
// read. Everything is guarded by one mutex, taken once for a job.
type dispatcher struct {
	total     int
	readAhead int // as configured

	mu        sync.Mutex
	work      sync.Cond // a slot waits for a job
	capacity  sync.Cond // a reader waits for room
	closed    bool
	buffers   []*buffer
	held      int // read and not finished
	batched   int // of those: in a batch beside its first, and so in no slot of their own
	openSeats int // how many more the batches may take in that still gather
	busy      int // of those: running
	idle      int // slots that wait
	waking    int // of those: signalled, and not awake yet
	waiting   int // readers that wait
	finished  int64

	ahead    int // jobs that may be held beyond the slots, now
	rate     float64
	measured time.Time
	counted  int64
}

// backlog is what was read from one source and has not started, and the source's share.
type buffer struct {
	weight  int
	credit  int  // of the smooth weighted round-robin
	active  bool // its last read brought something
	tasks   []*task
	first   int // tasks before it are taken
	stopped bool
	paused  bool

	gathering []*batch
}

func newDispatcher(total, readAhead int) *dispatcher {
	s := &dispatcher{total: total, readAhead: readAhead, ahead: max(readAhead, 0), measured: time.Now()}
	s.work.L, s.capacity.L = &s.mu, &s.mu
	return s
}

func (s *dispatcher) addBuffer(weight int) *buffer {
	b := &buffer{weight: weight}
	s.buffers = append(s.buffers, b)
	return b
}

// next finishes the job in a slot's hand, if any, and puts the next there; it returns nil when all is over.
func (s *dispatcher) next(hand *atomic.Pointer[task]) *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hand.Swap(nil) != nil {
		s.busy--
		s.finished++
		s.drop(1)
	}
	for {
		if t := s.pick(); t != nil {
			s.busy++
			hand.Store(t)
			s.wake()
			return t
		}
		if s.closed {
			return nil
		}
		s.idle++
		s.work.Wait()
		s.idle--
		s.waking = max(s.waking-1, 0)
	}
}

// wake wakes one slot if there is a job for it and no other is on its way; that one wakes the next. Short jobs are
// run by the few slots that are awake, instead of by all of them waking for one each.
func (s *dispatcher) wake() {
	if s.waking == 0 && s.idle > 0 && s.held-s.batched > s.busy {
		s.waking++
		s.work.Signal()
	}
}

// drop takes n jobs off the books and wakes the readers when there is room worth a read.
func (s *dispatcher) drop(n int) {
	s.held -= n
	s.wakeReaders()
}

func (s *dispatcher) wakeReaders() {
	if s.waiting > 0 && s.hasCapacity() {
		s.capacity.Broadcast()
	}
}

// hasRoom tells whether a read is worth its round trip: a slot would go idle, or half of what may be read ahead is
// used up, or a batch gathers. Reading in lots is what makes a job cheap.
func (s *dispatcher) hasCapacity() bool { return s.held-s.batched < s.total+s.ahead/2+s.openSeats }

// rewind makes room again when everything is taken.
func (b *buffer) rewind() {
	if b.first == len(b.tasks) {
		b.tasks, b.first = b.tasks[:0], 0
	}
}

// push hands over jobs that were read. It refuses when the source has stopped or is paused: they
// must be released.
func (s *dispatcher) push(b *buffer, tasks []*task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.stopped || b.paused || s.closed {
		return false
	}
	s.held += len(tasks)
	b.tasks = append(b.tasks, s.join(b, tasks)...)
	s.wake()
	return true
}

// reserve waits until there is room and returns how many jobs the source may read: its share, by weight, among the
// sources that have jobs. While the source is paused there is none. It returns 0 when the source has stopped.
func (s *dispatcher) reserve(b *buffer) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !b.stopped && !s.closed {
		s.measure()
		if !b.paused && s.hasCapacity() {
			return s.share(b)
		}
		s.waiting++
		s.capacity.Wait()
		s.waiting--
	}
	return 0
}

// measure sets how many jobs may be read ahead: as many as the slots are seen to finish in readAheadFor. Slow jobs are
// not read ahead at all, so that none waits here while another worker has a slot for it.
func (s *dispatcher) measure() {
	if s.readAhead != 0 {
		return
	}
	passed := time.Since(s.measured)
	if passed < rateEvery {
		return
	}
	rate := float64(s.finished-s.counted) / passed.Seconds()
	if s.rate = (s.rate + rate) / 2; passed > rateStale {
		s.rate = rate
	}
	s.ahead = min(int(s.rate*readAheadFor.Seconds()), readAheadMax)
	s.measured, s.counted = time.Now(), s.finished
}

// feed notes whether a source's read brought something.
func (s *dispatcher) setActive(b *buffer, got bool) {
	s.mu.Lock()
	b.active = got
	s.mu.Unlock()
}

// take removes the jobs of a source that have not started, all of them or those that match.
func (s *dispatcher) take(b *buffer, match func(*task) bool) []*task {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	s.drop(len(taken))
	return taken
}

// stop ends a source's reads: reserve returns 0 and push refuses.
func (s *dispatcher) stop(b *buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.stopped, b.active = true, false
	s.capacity.Broadcast()
}

// resume lets a source read again.
func (s *dispatcher) resume(b *buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.stopped = false
}

// setPaused keeps a source from reading, or lets it read again. It tells whether that is news.
func (s *dispatcher) setPaused(b *buffer, paused bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.paused == paused {
		return false
	}
	b.paused = paused
	if paused {
		b.active = false
	}
	s.capacity.Broadcast()
	return true
}

// close lets every slot end when it has run what is left.
func (s *dispatcher) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.work.Broadcast()
	s.capacity.Broadcast()
}

func (s *dispatcher) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}

// tasks lists a source's jobs that have not started.
func (s *dispatcher) tasks(b *buffer) []*task {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(b.tasks[b.first:])
}

// entries lists the stream IDs of a source's jobs that have not started.
func (s *dispatcher) entries(b *buffer) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := make(map[string]bool, len(b.tasks)-b.first)
	for _, t := range b.tasks[b.first:] {
		held[t.entryID] = true
	}
	return held
}
