package queue

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// source is one queue as a worker works on it.
type source struct {
	w       *Worker
	name    string
	cfg     QueueConfig
	keys    keys
	binding binding
	reader  *reader
	backlog *backlog
	counts  counts
}

func newSource(w *Worker, name string, cfg QueueConfig) *source {
	s := &source{w: w, name: name, cfg: cfg, reader: newReader(w.rdb), backlog: w.slots.addSource(cfg.Weight)}
	if cfg.Raw != nil {
		s.binding = binding{Raw: true, Group: cfg.Raw.Group, Kind: cfg.Raw.Kind}
	}
	s.keys = s.binding.keys(w.cfg.Namespace, name)
	return s
}

// session is one incarnation of a worker on one queue: a consumer name with a lease. A worker that loses its lease
// goes on under a new name, so that what the old one left half done cannot be mistaken for its own.
type session struct {
	*source
	consumer    string
	ctx         context.Context // parent of the handlers' contexts
	cancel      context.CancelCauseFunc
	reading     context.Context // ends earlier, when the worker stops reading
	isLost      atomic.Bool
	validTo     atomic.Int64   // ns on the worker's monotonic clock: until then nobody can have taken its jobs
	settled     chan struct{}  // closed when outcomes cannot be recorded any more
	tasks       sync.WaitGroup // jobs in this session's hands
	finisher    *finisher
	parked      chan struct{} // a beat saw parked entries
	moving      sync.Mutex    // held while entries come or go otherwise than by a read
	audit       atomic.Bool   // a reply may have been lost: look for entries whose delivery was never seen
	lastChances atomic.Int64  // jobs held that are one crash away from dead
	clock       clockGuard    // of the heart alone
	care        atomic.Int64  // caretaker until, on the same clock
}

// incarnation stands in a consumer name between the worker's name and what is new in each session.
const incarnation = "#"

var epoch = time.Now()

func monotonic() int64 { return int64(time.Since(epoch)) }

func (ses *session) valid() bool { return monotonic() < ses.validTo.Load() && !ses.lost() }

func (ses *session) lost() bool { return ses.isLost.Load() }

// extend notes a lease that was granted by a call sent at the given instant. The worker trusts three quarters of it:
// the rest is for handlers to notice.
func (ses *session) extend(sent int64) { ses.validTo.Store(sent + int64(ses.w.cfg.Lease)*3/4) }

// check makes sure, at the start, that the queue can be worked on at all.
func (s *source) check(ctx context.Context) error {
	if err := s.preflight(ctx); err != nil {
		return err
	}
	if err := s.ensureGroup(ctx); err != nil {
		return err
	}
	if err := s.w.registry().bind(ctx, s.name, s.binding); err != nil && !redis.HasErrorPrefix(err, "OOM") {
		return err
	}
	groups, err := s.w.rdb.XInfoGroups(ctx, s.keys.stream).Result()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Name != s.binding.group() {
			return fmt.Errorf("stream %s has another consumer group, %q: finished entries are deleted, and that group would miss them", s.keys.stream, g.Name)
		}
	}
	return nil
}

func (w *Worker) registry() registry {
	return registry{rdb: w.rdb, key: registryKey(w.cfg.Namespace)}
}

// ensureGroup creates the stream and the group where they are missing, at 0, so that no entry is skipped.
func (s *source) ensureGroup(ctx context.Context) error {
	err := s.w.rdb.XGroupCreateMkStream(ctx, s.keys.stream, s.binding.group(), "0").Err()
	switch {
	case redis.HasErrorPrefix(err, "BUSYGROUP"):
		return nil
	case redis.HasErrorPrefix(err, "OOM"): // refused before it looked: the group may be there all the same
		groups, _ := s.w.rdb.XInfoGroups(ctx, s.keys.stream).Result()
		if slices.ContainsFunc(groups, func(g redis.XInfoGroup) bool { return g.Name == s.binding.group() }) {
			return nil
		}
	}
	return err
}

// work keeps a session on the queue until the worker stops.
func (s *source) work(base context.Context) {
	pause := newBackoff(s.w.cfg.Rand)
	for !s.w.isStopping() {
		ses, err := s.join(base)
		if err != nil {
			s.trouble("join", err)
			pause.wait(s.w.stopping)
			continue
		}
		pause.reset()
		ses.serve()
	}
}

func (w *Worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// join registers under a new consumer name.
func (s *source) join(base context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(base, s.w.cfg.Lease)
	defer cancel()
	if err := s.ensureGroup(ctx); err != nil {
		return nil, err
	}
	ses := &session{
		source: s, consumer: s.w.cfg.Name + incarnation + strings.ToLower(rand.Text()[:6]),
		settled: make(chan struct{}), parked: make(chan struct{}, 1),
	}
	ses.finisher = newFinisher(ses)
	sent := monotonic()
	err := scriptJoin.Run(ctx, s.w.rdb, []string{s.keys.workers(), s.keys.worker(ses.consumer)}, ses.registration()...).Err()
	if err != nil {
		return nil, err
	}
	ses.extend(sent)
	ses.ctx, ses.cancel = context.WithCancelCause(base)
	s.observe(Event{Type: EventWorkerJoined, Worker: ses.consumer})
	return ses, nil
}

func (ses *session) registration() []any {
	host, _ := os.Hostname()
	w := ses.w
	return []any{
		ses.consumer, w.cfg.Lease.Milliseconds(),
		"host", host, "pid", strconv.Itoa(os.Getpid()), "slots", w.cfg.Concurrency,
		"started_ms", w.cfg.Now().UnixMilli(), "lease_ms", w.cfg.Lease.Milliseconds(),
	}
}

// serve works until the lease is lost or the worker stops, and leaves in good order.
func (ses *session) serve() {
	reading, stopReading := context.WithCancel(ses.ctx)
	defer stopReading()
	ses.reading = reading
	ses.w.slots.resume(ses.backlog)

	var heart, readers, finishing sync.WaitGroup
	beating, stopBeating := context.WithCancel(context.WithoutCancel(ses.ctx))
	heart.Go(func() { ses.beat(beating) })
	finishing.Go(ses.finisher.run)
	for _, loop := range []func(){ses.read, ses.claim, ses.caretake} {
		readers.Go(loop)
	}
	select {
	case <-ses.w.stopping:
	case <-ses.ctx.Done():
	}
	stopReading()
	ses.w.slots.stop(ses.backlog)
	ses.interruptRead()
	ses.handBack()
	if !ses.lost() {
		readers.Wait()
		ses.awaitHandlers()
	}
	close(ses.settled)
	ses.finisher.close()
	finishing.Wait()
	readers.Wait()
	if !ses.lost() {
		ses.leave()
	}
	stopBeating()
	heart.Wait()
	ses.cancel(ErrStopping)
}

func (ses *session) interruptRead() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	ses.reader.interrupt(ctx, ses.w.rdb)
}

// handBack releases what has not started.
func (ses *session) handBack() {
	ses.release(ses.w.slots.take(ses.backlog, func(*task) bool { return true }))
}

// awaitHandlers waits for the running handlers of this session and their outcomes: as long as the worker's grace
// lasts, and then a little longer for those that heed their cancelled contexts.
func (ses *session) awaitHandlers() {
	done := make(chan struct{})
	go func() {
		ses.tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-ses.ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(stopPatience / 2):
	}
}

// leave hands back what is still pending and deregisters. If Redis is away the lease ends by itself.
func (ses *session) leave() {
	const page = 200
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	k := ses.keys
	for handed := 1; handed > 0; {
		var err error
		handed, err = scriptLeave.Run(ctx, ses.w.rdb,
			[]string{k.stream, k.workers(), k.worker(ses.consumer), k.caretaker()},
			ses.binding.group(), ses.consumer, page).Int()
		if err != nil {
			ses.trouble("leave", err)
			return
		}
		if handed > 0 {
			ses.observe(Event{Type: EventReleased, Worker: ses.consumer, Count: handed})
		}
	}
	ses.observe(Event{Type: EventWorkerLeft, Worker: ses.consumer})
}

// lose ends the session when its lease is lost: handlers are told, and nothing of theirs counts any more.
func (ses *session) lose() {
	if ses.isLost.Swap(true) {
		return
	}
	ses.cancel(ErrLeaseLost)
	ses.observe(Event{Type: EventLeaseLost, Worker: ses.consumer, Err: ErrLeaseLost})
}

func (s *source) observe(e Event) {
	e.Queue = s.name
	s.w.observe(e)
}

func (s *source) trouble(doing string, err error) {
	s.observe(Event{Type: EventTrouble, Err: fmt.Errorf("queue: %s: %s: %w", s.name, doing, err)})
}

// hold takes jobs that were read or claimed into the hands of this session.
func (ses *session) hold(tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	ses.tasks.Add(len(tasks))
	for _, t := range tasks {
		if t.isLastChance() {
			ses.lastChances.Add(1)
		}
	}
	if !ses.w.slots.push(ses.backlog, tasks) {
		ses.release(tasks)
	}
}

// The pseudo-consumers under which entries wait for a worker with a free slot.
const (
	parkReleased = "~released" // the next delivery is not counted
	parkOrphans  = "~orphans"  // it is
)

// release hands jobs back that have not started.
func (ses *session) release(tasks []*task) {
	for _, t := range tasks {
		ses.letGo(t)
	}
	ses.parkOwn(tasks, parkReleased)
}

// letGo takes a job off this session's hands.
func (ses *session) letGo(t *task) {
	if t.isLastChance() {
		ses.lastChances.Add(-1)
		ses.noteParked()
	}
	ses.tasks.Done()
}

// parkOwn parks jobs of this session. Those that another worker has taken meanwhile stay where they are.
func (ses *session) parkOwn(tasks []*task, where string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	for chunk := range slices.Chunk(tasks, 100) {
		args := []any{ses.binding.group(), ses.consumer, where}
		for _, t := range chunk {
			args = append(args, t.stream)
		}
		err := scriptRelease.Run(ctx, ses.w.rdb, []string{ses.keys.stream}, args...).Err()
		if redis.HasErrorPrefix(err, "NOGROUP") {
			return // Redis lost its data, and the jobs with it
		}
		if err != nil { // they stay pending here: they are adopted, handed back by leave, or reclaimed
			ses.trouble("release", err)
			ses.audit.Store(true)
			return
		}
		for _, t := range chunk {
			ses.observe(t.event(EventReleased))
		}
	}
}
