package queue

import (
	"context"
	"crypto/rand"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// session is one incarnation of a worker on one queue: a consumer name with a lease. A worker that loses its lease
// goes on under a new name, so that what the old one left half done cannot be mistaken for its own.
type session struct {
	*subscription
	consumer       string
	ctx            context.Context // parent of the handlers' contexts
	cancel         context.CancelCauseFunc
	reading        context.Context // ends earlier, when the worker stops reading
	isLost         atomic.Bool
	leaving        atomic.Bool    // it deregisters: a beat that finds nothing is no loss
	validTo        atomic.Int64   // ns on the worker's monotonic clock: until then nobody can have taken its jobs
	settled        chan struct{}  // closed when outcomes cannot be recorded any more
	tasks          sync.WaitGroup // jobs in this session's hands
	acker          *acker
	parked         chan struct{}     // a beat saw parked entries
	claiming       atomic.Bool       // parked entries are being claimed: new ones wait
	claimed        chan struct{}     // holds a signal that no more are
	transfer       sync.Mutex        // held while entries come or go otherwise than by a read
	replyLost      atomic.Bool       // a reply may have been lost: look for entries whose delivery was never seen
	lastChances    atomic.Int64      // jobs held that are one crash away from dead
	clock          clockGuard        // of the heart alone
	lastSweep      int64             // of the heart alone: when empty consumers were last deleted
	strayCursors   map[string]string // of the heart alone: how far each stray's entries were looked at
	caretakerUntil atomic.Int64      // caretaker until, on the same clock
}

// serve works until the lease is lost or the worker stops, and leaves in good order.
func (ses *session) serve() {
	reading, stopReading := context.WithCancel(ses.ctx)
	defer stopReading()
	ses.reading = reading
	ses.w.dispatcher.resume(ses.buffer)

	var heart, readers, finishing sync.WaitGroup
	beating, stopBeating := context.WithCancel(context.WithoutCancel(ses.ctx))
	heart.Go(func() { ses.heartbeat(beating) })
	finishing.Go(ses.acker.run)
	for _, loop := range []func(){ses.read, ses.claim, ses.caretake} {
		readers.Go(loop)
	}
	select {
	case <-ses.w.stopping:
	case <-ses.ctx.Done():
	}
	stopReading()
	ses.w.dispatcher.stop(ses.buffer)
	ses.interruptRead()
	ses.handBack()
	if !ses.lost() {
		readers.Wait()
		ses.awaitHandlers()
	}
	close(ses.settled)
	ses.acker.close()
	finishing.Wait()
	readers.Wait()
	if !ses.lost() {
		ses.leave()
	}
	stopBeating()
	heart.Wait()
	ses.cancel(ErrStopping)
}

// leave hands back what is still pending and deregisters. If Redis is away the lease ends by itself.
func (ses *session) leave() {
	ses.lastHeartbeat()
	ses.leaving.Store(true)
	if ses.deregister(wire.ParkReleased) {
		ses.observe(Event{Type: EventWorkerLeft, Worker: ses.consumer})
	}
}

// abandon deregisters an earlier self that lost its lease, so that nobody takes it for a worker that crashed. What its
// handlers left without an outcome is run again at once.
func (ses *session) abandon() { ses.deregister(wire.ParkOrphans) }

func (ses *session) deregister(where string) bool {
	const page = 200
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	ses.acker.recordRest(ctx)
	k := ses.keys
	for handed := 1; handed > 0; {
		var err error
		handed, err = wire.ScriptLeave.Run(ctx, ses.w.rdb,
			[]string{k.Stream, k.Workers(), k.Worker(ses.consumer), k.Caretaker()},
			ses.binding.GroupName(), ses.consumer, page, where).Int()
		if err != nil {
			ses.reportError("leave", err)
			return false
		}
		if handed > 0 {
			ses.observe(Event{Type: EventReleased, Worker: ses.consumer, Count: handed})
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
	ses := &session{
		subscription: s, consumer: s.w.cfg.Name + wire.Incarnation + strings.ToLower(rand.Text()[:6]),
		settled: make(chan struct{}), parked: make(chan struct{}, 1), claimed: make(chan struct{}, 1),
	}
	ses.acker = newAcker(ses)
	sent := monotonic()
	paused, err := wire.ScriptJoin.Run(ctx, s.w.rdb,
		[]string{s.keys.Workers(), s.keys.Worker(ses.consumer), s.keys.Paused()}, ses.registration()...).Int()
	if err != nil {
		return nil, err
	}
	ses.extend(sent)
	ses.ctx, ses.cancel = context.WithCancelCause(base)
	s.observe(Event{Type: EventWorkerJoined, Worker: ses.consumer})
	ses.applyPause(ctx, paused == 1)
	return ses, nil
}

func (ses *session) registration() []any {
	host, _ := os.Hostname()
	w := ses.w
	return []any{
		ses.consumer, w.cfg.Lease.Milliseconds(),
		"host", host, "pid", strconv.Itoa(os.Getpid()), "slots", w.cfg.Concurrency,
		"started_ms", w.cfg.Now().UnixMilli(), "lease_ms", w.cfg.Lease.Milliseconds(), "max_crashes", w.cfg.MaxCrashes, "version", version(),
	}
}

// version is that of the worker's program, as the Go toolchain noted it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Path + "@" + info.Main.Version
}
