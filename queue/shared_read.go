package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	sharedAtOnce = 500                  // queues of one read
	sharedFirst  = 5 * time.Millisecond // how long the first read waits for the other queues of a worker that starts
	sharedPace   = time.Millisecond     // how long a read waits for queues that come back to it
	sharedWide   = 16                   // from so many queues on a read that blocks costs Redis more than a look
	sharedNew    = 8                    // queues of one look that may have a backlog of large jobs
)

// sharedReads are the reads that wait for jobs of the queues that have none, one connection for hundreds of queues.
// A queue where jobs keep coming has a read of its own.
//
// Why: docs/decisions/engine.md#queues-without-jobs-share-a-read
type sharedReads struct {
	w  *Worker
	mu sync.Mutex // guards the map and the reads in it
	by map[sharedKey]*sharedRead
}

// sharedKey is what the queues of one read have in common.
type sharedKey struct {
	group, consumer string
	part            int
}

// sharedRead is one of them. What follows the reader is guarded by the mutex of sharedReads, if nothing else is said.
type sharedRead struct {
	all    *sharedReads
	key    sharedKey
	reader *redisx.Reader // a connection

	members  []*sharer
	pace     time.Duration // how long those are awaited
	awaited  int           // how many that have just been given jobs may come back at once
	joined   chan struct{} // holds a signal of a queue that has come
	blocked  bool          // the read may wait
	freeing  bool          // it is being interrupted
	broken   int64         // of its connections: how many there were when the last broke; -1: it did not. Of run
	reported bool          // that another one is refused. Of run
}

// sharer is a queue that waits for jobs by a shared read. What it gets is written by the read, until done is closed.
type sharer struct {
	ses      *session
	memory   *readMemory
	most     int   // entries; set again by the read
	since    int64 // on the monotonic clock
	included bool  // in the read that is under way
	leaving  bool
	faulty   bool // err is this queue's own
	done     chan struct{}

	tasks []*task
	size  int
	err   error
}

func newSharedReads(w *Worker) *sharedReads {
	return &sharedReads{w: w, by: map[sharedKey]*sharedRead{}}
}

// mayShare reports whether the queue waits for jobs with others: it has few, small ones, and nothing is wrong with it.
func (ses *session) mayShare() bool {
	return ses.shares && !ses.apart && monotonic() >= ses.busyUntil && !ses.replies.isLarge()
}

// read waits for jobs with other queues, for as long as a read of its own would.
func (s *sharedReads) read(ses *session, memory *readMemory, most int) (tasks []*task, size int, err error) {
	m := &sharer{ses: ses, memory: memory, most: most, since: monotonic(), done: make(chan struct{})}
	r := s.join(m)
	again := time.NewTimer(readBlock / 20) // the interruption may have come before the read
	defer again.Stop()
	for {
		select {
		case <-m.done:
			ses.apart = m.faulty && !isGone(m.err)
			return m.tasks, m.size, m.err
		case <-again.C:
			if s.isLeftOut(m) {
				s.free(r, func() bool { return !m.included })
				again.Reset(readBlock / 20)
			}
		}
	}
}

func (s *sharedReads) isLeftOut(m *sharer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !m.included
}

func (s *sharedReads) join(m *sharer) *sharedRead {
	s.mu.Lock()
	key := sharedKey{group: m.ses.queue.Group, consumer: m.ses.consumer, part: m.ses.place / sharedAtOnce}
	r := s.by[key]
	if r == nil {
		r = &sharedRead{
			all: s, key: key, reader: redisx.NewReader(s.w.rdb), joined: make(chan struct{}, 1), pace: sharedFirst,
			awaited: min(len(s.w.subscriptions), sharedAtOnce),
		}
		s.by[key] = r
		s.w.tasks.Go(r.run)
	}
	r.members = append(r.members, m)
	m.leaving = m.ses.reading.Err() != nil
	r.awaited--
	s.mu.Unlock()
	select {
	case r.joined <- struct{}{}:
	default:
	}
	s.free(r, func() bool { return !m.included })
	return r
}

// interrupt ends the wait of a queue.
func (s *sharedReads) interrupt(ses *session) {
	s.mu.Lock()
	var in *sharedRead
	for _, r := range s.by {
		for _, m := range r.members {
			if m.ses == ses {
				m.leaving, in = true, r
			}
		}
	}
	s.mu.Unlock()
	if in != nil {
		select {
		case in.joined <- struct{}{}:
		default:
		}
		s.free(in, func() bool { return true })
	}
}

// free interrupts a read that waits if that is wanted still, once for all that want it at the same time.
func (s *sharedReads) free(r *sharedRead, wanted func() bool) {
	s.mu.Lock()
	frees := r.blocked && !r.freeing && wanted()
	r.freeing = r.freeing || frees
	s.mu.Unlock()
	if !frees {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	r.reader.Interrupt(ctx)
	cancel()
	s.mu.Lock()
	r.freeing = false
	s.mu.Unlock()
}

// run is the loop of a read, until no queue has come for a while.
func (r *sharedRead) run() {
	defer r.reader.Close()
	looking := false // jobs keep coming: a look is cheaper than to wait
	again := false   // the last read failed, and no queue was found for which it did
	for {
		members, most, isFirst := r.gather()
		if members == nil {
			return
		}
		block := readBlock
		if !r.reader.CanInterrupt() {
			block = readBlock / 4
		}
		if isFirst || looking && len(members) > sharedWide {
			block = 0
		}
		jobs, err := r.readOnce(members, most, block)
		if isOfOne(err) {
			if faulty := r.takeOut(members); faulty > 0 || !again {
				again = faulty == 0
				continue
			}
		}
		again = false
		looking = jobs > 0
		r.deliver(members, err)
	}
}

// gather waits for queues, and returns those of the next read, how many entries each may bring, and whether it is the
// first for these. It returns nil when none came for a while: then the read has ended.
func (r *sharedRead) gather() (members []*sharer, most int, isFirst bool) {
	s := r.all
	idle := time.NewTimer(2 * readBlock)
	defer idle.Stop()
	for {
		s.mu.Lock()
		r.dismiss(func(m *sharer) bool { return m.leaving })
		n, awaited := len(r.members), r.awaited
		s.mu.Unlock()
		switch {
		case n == 0:
			select {
			case <-r.joined:
			case <-idle.C:
				idle.Reset(2 * readBlock)
				if r.end() {
					return nil, 0, false
				}
			case <-s.w.stopping:
				if r.end() {
					return nil, 0, false
				}
			}
			continue
		case awaited > 0:
			pace := time.NewTimer(r.pace)
			for left := true; left; {
				select {
				case <-r.joined:
					s.mu.Lock()
					left = r.awaited > 0
					s.mu.Unlock()
				case <-pace.C:
					left = false
				}
			}
			pace.Stop()
		}
		s.mu.Lock()
		r.awaited, r.pace = 0, sharedPace
		r.dismiss(func(m *sharer) bool { return m.leaving })
		if members, isFirst = r.next(); len(members) == 0 {
			s.mu.Unlock()
			continue
		}
		for _, m := range members {
			m.included = true
		}
		r.blocked = !isFirst
		s.mu.Unlock()
		if most = 1; !isFirst {
			most = r.count(members)
		}
		return members, most, isFirst
	}
}

// next returns the queues of the next read: all, but first some at a time those that may have a backlog: Redis puts the
// jobs of all streams of a read into one reply, and how large they are is not known yet. The mutex is held.
func (r *sharedRead) next() (members []*sharer, isFirst bool) {
	for _, m := range r.members {
		if !m.ses.looked && len(members) < sharedNew {
			members = append(members, m)
		}
	}
	if members != nil {
		return members, true
	}
	return slices.Clone(r.members), false
}

// count is how many entries each queue of a read may bring: all of them together as many as there are slots, and no
// more bytes than a reply may have, as far as it is known how large their jobs are; one at the least.
func (r *sharedRead) count(members []*sharer) int {
	most, entries := r.all.w.cfg.Concurrency/len(members), 0
	for _, m := range members {
		most = min(most, m.most)
		entries += m.ses.replies.size()
	}
	return max(min(most, maxReply/entries), 1)
}

// end reports whether there are no queues: then the read is no more.
func (r *sharedRead) end() bool {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if len(r.members) > 0 {
		return false
	}
	delete(r.all.by, r.key)
	return true
}

// dismiss lets queues go on. The mutex is held.
func (r *sharedRead) dismiss(which func(*sharer) bool) {
	r.members = slices.DeleteFunc(r.members, func(m *sharer) bool {
		if !which(m) {
			return false
		}
		r.awaited++
		close(m.done)
		return true
	})
}

// deliver ends a read: those that have jobs go on, with an error all do, and those that had waited for as long as a
// read of their own would, if that would not wait again.
func (r *sharedRead) deliver(members []*sharer, err error) {
	r.lookAgain(members)
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.blocked = false
	for _, m := range members {
		m.included = false
		m.ses.looked = m.ses.looked || err == nil
		if m.err = err; err != nil || m.tasks != nil || m.most == 0 {
			m.leaving = true
		}
	}
	r.dismiss(func(m *sharer) bool { return m.leaving })
}

// lookAgain sets how many jobs those may bring that have waited for long: 0 if they may not wait any more.
func (r *sharedRead) lookAgain(members []*sharer) {
	now := monotonic()
	var old []*sharer
	var buffers []*buffer
	for _, m := range members {
		if m.since <= now-int64(readBlock) {
			old, buffers = append(old, m), append(buffers, m.ses.buffer)
		}
	}
	for i, room := range r.all.w.dispatcher.roomToWait(buffers) {
		old[i].since, old[i].most = now, 0
		if room > 0 && old[i].ses.undisturbed() {
			old[i].most = old[i].ses.replies.count(min(room, maxRead))
		}
	}
}

// undisturbed reports whether nothing has come up for which the loop that reads must go on.
func (ses *session) undisturbed() bool {
	return ses.valid() && !ses.replyLost.Load() && !ses.claiming.Load() && !ses.unread.anyDue() &&
		!ses.acker.isFailing()
}

// readOnce reads, and gives each queue what is for it. It returns how many jobs came.
func (r *sharedRead) readOnce(members []*sharer, most int, block time.Duration) (jobs int, err error) {
	byStream := make(map[string]*sharer, len(members))
	args := append(make([]any, 0, 8+2*len(members)), "GROUP", r.key.group, r.key.consumer, "COUNT", most)
	if block > 0 {
		args = append(args, "BLOCK", block.Milliseconds())
	}
	args = append(args, "STREAMS")
	for _, m := range members {
		byStream[m.ses.queue.Stream] = m
		args = append(args, m.ses.queue.StreamArg)
	}
	for range members {
		args = append(args, ">")
	}
	epoch := r.all.w.epochs.Now()
	reply, err := r.send(args)
	if err != nil {
		return 0, err
	}
	var m *sharer
	now := monotonic()
	entries := entryReader{
		stream: func(name []byte) bool {
			m = byStream[string(name)]
			return m != nil
		},
		each: func(id []byte, fields []wire.Pair) {
			e := wire.DecodeEntry(id, fields, m.ses.queue.Kind, r.all.w.kindName, &m.memory.arena)
			e.SetLane(m.ses.queue.Lane)
			m.tasks = append(m.tasks, m.ses.newTask(m.memory.tasks.next(&e), &e, 1, now, epoch))
			jobs++
			m.size += len(id)
			for _, f := range fields {
				m.size += len(f.Name) + len(f.Value)
			}
		},
	}
	return jobs, entries.read(reply)
}
