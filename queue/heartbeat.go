package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// staleAfter is how long a job that was read ahead waits for a slot of this worker.
const staleAfter = time.Second

// heartbeatInterval is an eighth of the lease, half a second at the most: a dead worker is noticed soon after its lease
// has ended, and a few lost heartbeats do no harm.
//
// Why: docs/decisions/engine.md#workers-send-a-heartbeat-every-eighth-of-the-lease-half-a-second-at-the-most
func (w *Worker) heartbeatInterval() time.Duration { return min(w.cfg.Lease/8, 500*time.Millisecond) }

// heartbeatTimeout bounds the wait for the reply of a heartbeat, replyTimeout what follows from it: a connection on
// which nothing comes back does not cost the lease, for the next command takes another one.
//
// Why: docs/decisions/engine.md#the-heartbeat-waits-for-nothing-else
func (w *Worker) heartbeatTimeout() time.Duration   { return w.cfg.Lease * 3 / 8 }
func (s *subscription) replyTimeout() time.Duration { return s.w.cfg.Lease / 4 }

// heartbeat is the loop that applies what comes back with the heartbeats, until the session ends. What the other loops
// need to know comes with it, so that nothing else has to ask. On a cluster it also sends them: each queue is in a slot
// of its own. Elsewhere those of all queues are sent together, see beats.
func (ses *session) heartbeat(ctx context.Context) {
	if !ses.w.sharesCommands() {
		ses.heartbeatAlone(ctx)
		return
	}
	ses.w.beats.add(ses)
	defer ses.w.beats.remove(ses)
	defer ses.w.rings.want(ses, false)
	for {
		select {
		case b := <-ses.beaten:
			ses.applyBeat(ctx, b)
		case <-ctx.Done():
			return
		}
		if ses.lost() {
			return
		}
	}
}

func (ses *session) heartbeatAlone(ctx context.Context) {
	defer ses.w.rings.want(ses, false)
	tick := time.NewTicker(ses.w.heartbeatInterval())
	defer tick.Stop()
	for {
		ses.heartbeatOnce(ctx)
		if ses.lost() {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// heartbeatOnce sends a heartbeat for this queue alone, and applies what comes back.
func (ses *session) heartbeatOnce(ctx context.Context) {
	if monotonic() >= ses.validTo.Load() {
		ses.lose()
		return
	}
	b := ses.newBeat()
	bounded, cancel := ses.whileValid(ctx)
	reply, err := wire.Beat(bounded, ses.w.rdb, &ses.queue, &b.heartbeat)
	cancel()
	ses.endBeat(b, reply, err)
	ses.applyBeat(ctx, b)
}

// beat is a heartbeat of a session.
type beat struct {
	heartbeat wire.Heartbeat
	counted   *snapshot
	sent      int64 // on the monotonic clock
	reply     wire.HeartbeatReply
	err       error
}

// fullBeatEvery is how often a caretaker counts a queue where nothing happens.
const fullBeatEvery = 2 * time.Second

// newBeat makes a heartbeat: a brief one where there is nothing to write.
func (ses *session) newBeat() *beat {
	ses.beating.Lock()
	defer ses.beating.Unlock()
	running, stuck := ses.runningNow()
	fields := wire.HeartbeatFields(running, stuck, ses.w.state(), ses.holds())
	b := &beat{counted: ses.counters.take(), sent: monotonic()}
	b.heartbeat = wire.Heartbeat{
		Consumer: ses.consumer, Lease: ses.w.cfg.Lease, Caretaker: ses.caretakerTerm(), At: ses.w.cfg.Now(),
		Clock: ses.w.clock(), Fields: fields, Period: b.counted.period, Total: b.counted.total,
		Cron:  ses.w.cfg.Cron.Parse != nil && ses.queue.Lane == Normal,
		Lanes: ses.queue.Lane == Normal && !ses.lanesOpen.Load(),
	}
	if slices.Equal(fields, ses.noted) {
		b.heartbeat.Fields = nil
	}
	ses.noted = fields
	if b.heartbeat.Brief = len(b.counted.total) == 0 && b.sent < ses.fullBeatAt; !b.heartbeat.Brief {
		ses.fullBeatAt = b.sent + int64(fullBeatEvery)
	}
	return b
}

// endBeat notes what came of a heartbeat: the lease is extended, or what it was to write is kept for the next.
func (ses *session) endBeat(b *beat, reply wire.HeartbeatReply, err error) {
	ses.beating.Lock()
	defer ses.beating.Unlock()
	b.reply, b.err = reply, err
	b.reply.Brief = b.heartbeat.Brief
	if err == nil {
		ses.extend(b.sent)
	} else {
		b.counted.undo()
	}
	if err != nil || len(reply.Failures) > 0 {
		ses.noted, ses.fullBeatAt = nil, 0
	}
}

// applyBeat does what is to be done after a heartbeat.
func (ses *session) applyBeat(ctx context.Context, b *beat) {
	if b.err != nil {
		ses.heartbeatFailed(ctx, b.err)
		return
	}
	ses.moveReported = false
	if ses.refused.Swap(false) {
		ses.replyLost.Store(true)
	}
	ses.redisAhead.Store(b.reply.Now - time.Now().UnixMilli())
	ses.reportBookkeeping("heartbeat", b.reply.Failures)
	apply, cancel := context.WithTimeout(ctx, ses.replyTimeout())
	defer cancel()
	ses.applyReply(apply, b.sent, b.reply)
	ses.releaseStale()
	ses.reportStuck()
}

func (ses *session) heartbeatFailed(ctx context.Context, err error) {
	switch {
	case errors.Is(err, wire.ErrLost):
		if !ses.leaving.Load() {
			ses.lose()
		}
		return
	case redisx.IsMoving(err):
		ses.extendAlone(ctx, err)
	case ctx.Err() == nil:
		ses.w.epochs.Advance()
		ses.reportError("heartbeat", err)
	}
	if monotonic() >= ses.validTo.Load() {
		ses.lose()
	}
}

// extendAlone extends the lease where the heartbeat is refused because the queue's slot moves to another node of the
// cluster key by key: it touches many keys, of which some have moved and some do not exist. One key can be reached all
// the time. What else a heartbeat does waits.
//
// Why: docs/decisions/engine.md#a-lease-outlives-the-move-of-its-slot
func (ses *session) extendAlone(ctx context.Context, refused error) {
	ctx, cancel := ses.whileValid(ctx)
	defer cancel()
	sent := monotonic()
	err := wire.ExtendLease(ctx, ses.w.rdb, &ses.queue, ses.consumer, ses.w.cfg.Lease)
	if err == nil {
		ses.extend(sent)
	}
	if err != nil || !ses.moveReported {
		ses.reportError("heartbeat", errors.Join(refused, err))
	}
	ses.moveReported = true
}

// whileValid bounds a call that extends the lease.
func (ses *session) whileValid(ctx context.Context) (context.Context, context.CancelFunc) {
	left := time.Duration(ses.validTo.Load() - monotonic())
	return context.WithTimeout(ctx, min(max(left, time.Millisecond), ses.w.heartbeatTimeout()))
}

// lastHeartbeat writes what was counted since the last one, when the session ends in good order.
func (ses *session) lastHeartbeat() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	bounded, end := ses.whileValid(ctx)
	defer end()
	b := ses.newBeat()
	if len(b.heartbeat.Total) == 0 {
		return
	}
	reply, err := wire.Beat(bounded, ses.w.rdb, &ses.queue, &b.heartbeat)
	ses.endBeat(b, reply, err)
}

// applyReply does what a heartbeat's reply asks of this worker.
func (ses *session) applyReply(ctx context.Context, sent int64, reply wire.HeartbeatReply) {
	if jump := ses.clock.see(reply.Now, sent, monotonic(), ses.w.cfg.Lease); jump != 0 {
		ses.reportError("heartbeat", fmt.Errorf("the clock of Redis has jumped by %s: no worker is taken for dead for %s",
			jump, ses.w.cfg.Lease))
	}
	ses.clock.moved(ses.w.follower.Moves(), monotonic(), ses.w.cfg.Lease)
	ses.w.applyCommand(reply.Command)
	ses.applyPause(ctx, reply.Paused)
	if reply.Cancels > 0 {
		ses.applyCancels(ctx)
	}
	if reply.Caretaker {
		ses.becomeCaretaker(sent, reply)
	} else {
		ses.w.rings.want(ses, false)
	}
	if reply.Parked > 0 {
		ses.signalParked()
	}
	ses.applyCron(&reply)
	if reply.HasLanes && !ses.w.isStopping() {
		ses.openLanes()
	}
}

// releaseStale hands back jobs that were read ahead and found no slot: the handlers became slow, and another worker may
// have free ones. A read-ahead that was asked for stays.
func (ses *session) releaseStale() {
	if ses.w.cfg.ReadAhead != 0 {
		return
	}
	if !ses.transfer.TryLock() {
		return // another loop waits for Redis, and the heartbeat must not wait for it
	}
	defer ses.transfer.Unlock()
	old := monotonic() - int64(staleAfter)
	ses.release(ses.w.dispatcher.take(ses.buffer, func(t *task) bool { return t.heldSince < old }))
}

// reportStuck reports, once, each handler that goes on although its context was cancelled.
func (ses *session) reportStuck() {
	ses.eachRunning(func(t *task) {
		if t.stuckReported.Load() || !t.isStuck() {
			return
		}
		t.stuckReported.Store(true)
		e := t.event(EventStuck)
		e.Took = t.runningFor()
		ses.observe(e)
	})
}

// eachRunning visits what the slots run of this queue.
func (ses *session) eachRunning(visit func(*task)) {
	for i := range ses.w.running {
		if t := ses.w.running[i].Load(); t != nil && t.ses.subscription == ses.subscription {
			visit(t)
		}
	}
}

// runningNow counts the slots that run jobs of this queue, and lists the entries that are stuck, some if there are
// many.
func (ses *session) runningNow() (running int, stuck []wire.EntryRef) {
	const most = 50
	ses.eachRunning(func(t *task) {
		running++
		if t.stuckReported.Load() && len(stuck) < most {
			stuck = append(stuck, t.entry)
		}
	})
	return running, stuck
}
