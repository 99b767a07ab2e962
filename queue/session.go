package queue

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// session is a worker's time on one queue under one consumer name, with a lease. A worker that loses its lease goes on
// in a new session, so that what the old one left half done cannot be mistaken for its own.
//
// Its goroutines: heartbeat, fetch (read), claim, one for each chore, and acker.run; and the worker's slots run its
// tasks. A field says which of them writes it, if it is not safe for all.
type session struct {
	*subscription
	consumer string
	ctx      context.Context // parent of the handlers' contexts
	cancel   context.CancelCauseFunc
	reading  context.Context // ends earlier, when the worker stops reading; set by serve before the goroutines start
	isLost   atomic.Bool     // set once, by the goroutine that notices
	leaving  atomic.Bool     // it deregisters: a heartbeat that finds nothing is no loss
	// set by join and heartbeat; ns on the worker's monotonic clock: until then no other worker can have its jobs
	validTo atomic.Int64
	settled chan struct{}  // closed by serve when outcomes cannot be recorded any more
	tasks   sync.WaitGroup // jobs that this session holds
	primes  runningPrimes  // of slots
	acker   *acker
	movers  *movers

	detached  detached
	parked    chan struct{} // holds a signal that there are parked entries
	claiming  atomic.Bool   // set by claim: parked entries are being claimed, new ones wait
	claimed   chan struct{} // holds a signal of claim that no more are
	transfer  sync.Mutex    // held while entries come or go otherwise than by a read
	refused   atomic.Bool   // an outcome was: the entry may be another job's by now, which nobody holds
	replyLost atomic.Bool   // a reply may have been lost: read looks for entries whose delivery was never seen
	received  readMark      // the last entry that was received
	unread    unread        // of read alone
	looked    bool          // by a shared read, for what waited there before; guarded by the mutex of sharedReads

	unknownNoted unknownNotes

	beaten     chan *beat // holds what came back with a heartbeat
	beating    sync.Mutex // guards the two below: the last heartbeat is not sent with the others
	noted      []string   // what is in the registration, as far as heartbeats change it; nil: not known
	fullBeatAt int64      // when the next is not brief in any case, on the monotonic clock

	clock          clockGuard                    // of heartbeat alone
	setBack        setBack                       // of heartbeat and drawNear
	moveReported   bool                          // of heartbeat alone: that the queue's slot moves
	caretakerUntil atomic.Int64                  // set by heartbeat alone
	promoteAt      appointment                   // of the chore promote
	cronAt         appointment                   // of the chore cron
	cronOverdue    atomic.Bool                   // set by heartbeat: an entry is, and the caretaker has not enqueued it
	ownDueUntil    atomic.Int64                  // and until when this worker promotes jobs that it has put off itself
	choreDue       [choreCount]chan struct{}     // each holds a signal of heartbeat that the chore has something to do
	gone           atomic.Pointer[goneConsumers] // set by heartbeat, taken by the chore reclaim
	otherGroups    []string                      // of the chore sweep alone: those that were warned of
	strayCursors   map[string]wire.EntryRef      // of the chore reclaim alone: how far each stray's entries were looked at
}

// serve works until the lease is lost or the worker stops, and then deregisters.
func (ses *session) serve() {
	reading, stopReading := context.WithCancel(ses.ctx)
	defer stopReading()
	ses.reading = reading
	ses.w.dispatcher.resume(ses.buffer)

	var alive, readers, acking sync.WaitGroup
	living, end := context.WithCancel(context.WithoutCancel(ses.ctx))
	alive.Go(func() { ses.heartbeat(living) })
	for i := range chores {
		alive.Go(func() { ses.caretake(living, i) })
	}
	acking.Go(ses.acker.run)
	readers.Go(ses.read)
	readers.Go(ses.claim)
	select {
	case <-ses.w.stopping:
	case <-ses.ctx.Done():
	}
	stopReading()
	ses.w.dispatcher.stop(ses.buffer)
	readersEnded := make(chan struct{})
	go func() {
		readers.Wait()
		close(readersEnded)
	}()
	ses.interruptRead()
	acking.Go(func() { ses.interruptLateRead(readersEnded) })
	ses.handBack()
	if !ses.lost() {
		readers.Wait()
		ses.awaitHandlers()
	}
	close(ses.settled)
	ses.acker.close()
	acking.Wait()
	readers.Wait()
	if !ses.lost() {
		ses.leave()
	}
	end()
	alive.Wait()
	ses.cancel(ErrStopping)
}

// leave hands back what is still pending and deregisters. If Redis is away the lease ends by itself.
func (ses *session) leave() {
	ses.lastHeartbeat()
	ses.leaving.Store(true)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	if ses.deregister(ctx, wire.ParkReleased) {
		ses.observe(Event{Type: EventWorkerLeft, Worker: ses.consumer})
	}
}

// abandon deregisters an earlier session that lost its lease, so that it is not taken for a worker that crashed. What
// its handlers left without an outcome is run again at once, and none of its jobs is to blame.
func (ses *session) abandon() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	if ses.deregister(ctx, wire.ParkOrphans) {
		ses.absolve(ctx)
	}
}

func (ses *session) deregister(ctx context.Context, parking string) bool {
	const page = 200
	ses.acker.recordRest(ctx)
	for released := 1; released > 0; {
		err := redisx.WaitOutMove(ctx, func() (err error) {
			released, err = wire.Leave(ctx, ses.w.rdb, &ses.queue, ses.consumer, parking, page)
			return err
		})
		if err != nil {
			ses.reportError("leave", err)
			return false
		}
		if released > 0 {
			ses.observe(Event{Type: EventReleased, Worker: ses.consumer, Count: released})
		}
	}
	return true
}

// join registers under a new consumer name.
func (s *subscription) join(base context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(base, s.w.cfg.Lease)
	defer cancel()
	if err := s.ensureGroup(ctx); err != nil {
		return nil, err
	}
	ses, sent := s.newSession(), monotonic()
	paused, err := wire.Join(ctx, s.w.rdb, &s.queue, ses.consumer, s.registration(s.w.registration()))
	if err != nil {
		return nil, err
	}
	ses.joined(base, ctx, sent, paused)
	return ses, nil
}

// newSession returns a session that is not registered yet.
func (s *subscription) newSession() *session {
	ses := &session{
		subscription: s, consumer: s.newConsumer(),
		settled: make(chan struct{}), parked: make(chan struct{}, 1), claimed: make(chan struct{}, 1),
		beaten: make(chan *beat, 1),
	}
	for i := range ses.choreDue {
		ses.choreDue[i] = make(chan struct{}, 1)
	}
	ses.acker, ses.movers = newAcker(ses), newMovers(ses)
	if s.place > 0 { // not those of all queues at the same time
		ses.fullBeatAt = monotonic() + rand.Int64N(int64(fullBeatEvery))
	}
	return ses
}

// joined notes that the session is registered.
func (ses *session) joined(base, ctx context.Context, sent int64, paused bool) {
	ses.last = ses.consumer
	ses.extend(sent)
	ses.ctx, ses.cancel = context.WithCancelCause(base)
	ses.observe(Event{Type: EventWorkerJoined, Worker: ses.consumer})
	ses.applyPause(ctx, paused)
}

// newConsumer returns a consumer name that the queue has not had. Queues that share a read share the name: the first
// that has lost its lease makes a new one, and the others come after it when they lose theirs.
func (s *subscription) newConsumer() string {
	if !s.shares {
		return wire.NewConsumer(s.w.cfg.Name)
	}
	s.w.naming.Lock()
	defer s.w.naming.Unlock()
	if s.w.consumer == "" || s.w.consumer == s.last {
		s.w.consumer = wire.NewConsumer(s.w.cfg.Name)
	}
	return s.w.consumer
}

// registration is what is in Redis about each session of the worker.
func (w *Worker) registration() *wire.Registration {
	host, _ := os.Hostname()
	return &wire.Registration{
		Worker: w.cfg.Name, Host: host, PID: os.Getpid(), Slots: w.cfg.Concurrency, Started: w.cfg.Now(),
		Lease: w.cfg.Lease, MaxCrashes: w.cfg.MaxCrashes, Version: version(),
		Kinds: slices.Sorted(maps.Keys(w.kinds)),
	}
}

// registration is that of the worker with what it does for this queue alone.
func (s *subscription) registration(of *wire.Registration) *wire.Registration {
	if len(s.declares) == 0 {
		return of
	}
	r := *of
	for _, cron := range s.declares {
		r.Crons = append(r.Crons, cron.name)
	}
	return &r
}

// version is that of the worker's program, as the Go toolchain recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Path + "@" + info.Main.Version
}

// commitTime is when the commit was made that the program was built from, in Unix seconds; 0 if that is not recorded.
func commitTime() int64 {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return 0
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.time" {
			at, _ := time.Parse(time.RFC3339, setting.Value)
			return max(at.Unix(), 0)
		}
	}
	return 0
}
