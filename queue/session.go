package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
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

func (ses *session) valid() bool { return monotonic() < ses.validTo.Load() && !ses.lost() }

func (ses *session) lost() bool { return ses.isLost.Load() }

// extend notes a lease that was granted by a call sent at the given instant. The worker trusts three quarters of it:
// the rest is for handlers to notice.
func (ses *session) extend(sent int64) { ses.validTo.Store(sent + int64(ses.w.cfg.Lease)*3/4) }

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

func (ses *session) interruptRead() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	ses.reader.interrupt(ctx, ses.w.rdb)
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

// lose ends the session when its lease is lost: handlers are told, and nothing of theirs counts any more.
func (ses *session) lose() {
	if ses.isLost.Swap(true) {
		return
	}
	ses.cancel(ErrLeaseLost)
	ses.counters.leaseLost.Add(1)
	ses.observe(Event{Type: EventLeaseLost, Worker: ses.consumer, Err: ErrLeaseLost})
}
