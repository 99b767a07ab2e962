package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	minuteKept = 26 * time.Hour     // of the counts of each minute: the charts of a day
	hourKept   = 8 * 24 * time.Hour // of those of each hour: the charts of a week
	staleAfter = time.Second
)

// beatEvery is an eighth of the lease, half a second at the most: a dead worker is noticed soon after its lease has
// ended, and a few lost beats harm nobody.
func (s *subscription) heartbeatInterval() time.Duration {
	return min(s.w.cfg.Lease/8, 500*time.Millisecond)
}

// caretakerFor is how long a worker is the caretaker without another beat: less than a lease, so that the jobs of a
// caretaker that died are not found any later than others.
func (s *subscription) caretakerTerm() time.Duration { return min(s.w.cfg.Lease*3/4, 3*time.Second) }

// What the heart waits for at the most, so that one connection on which nothing comes back does not cost the lease: the
// next command takes another.
func (s *subscription) heartbeatTimeout() time.Duration { return s.w.cfg.Lease * 3 / 8 }
func (s *subscription) choreTimeout() time.Duration     { return s.w.cfg.Lease / 4 }

// beat is the heart: it extends the lease until the session ends. What the others need to know comes back with it, so
// that nothing else has to ask.
func (ses *session) heartbeat(ctx context.Context) {
	tick := time.NewTicker(ses.heartbeatInterval())
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

func (ses *session) heartbeatOnce(ctx context.Context) {
	if monotonic() >= ses.validTo.Load() {
		ses.lose()
		return
	}
	counted := ses.counters.take()
	sent := monotonic()
	reply, err := ses.sendHeartbeat(ctx, counted)
	switch {
	case err != nil:
		counted.undo()
		if ctx.Err() == nil {
			ses.reportError("beat", err)
		}
		if monotonic() >= ses.validTo.Load() {
			ses.lose()
		}
		return
	case reply.lost:
		counted.undo()
		if !ses.leaving.Load() {
			ses.lose()
		}
		return
	}
	ses.extend(sent)
	ses.redisAhead.Store(reply.now - time.Now().UnixMilli())
	chores, cancel := context.WithTimeout(ctx, ses.choreTimeout())
	defer cancel()
	ses.applyReply(chores, sent, reply)
	ses.releaseStale()
	ses.reportStuck()
}

// lastBeat writes what was counted since the last one, when the session ends in good order.
func (ses *session) lastHeartbeat() {
	counted := ses.counters.take()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	if reply, err := ses.sendHeartbeat(ctx, counted); err != nil || reply.lost {
		counted.undo()
	}
}

// beatReply is what comes back with a beat.
type heartbeatReply struct {
	lost      bool
	caretaker bool
	parked    int64
	ended     []string // workers whose lease has ended
	strays    []string // consumers that hold entries and never had a lease
	now       int64    // Redis' clock, ms
	paused    bool
	cancels   int64  // cancellations that workers have not heeded yet
	command   string // to this worker, by a person
}

func (ses *session) sendHeartbeat(ctx context.Context, counted *snapshot) (heartbeatReply, error) {
	left := time.Duration(ses.validTo.Load() - monotonic())
	ctx, cancel := context.WithTimeout(ctx, min(max(left, time.Millisecond), ses.heartbeatTimeout()))
	defer cancel()
	k, now := ses.keys, ses.w.cfg.Now()
	keys := []string{
		k.Workers(), k.Worker(ses.consumer), k.Caretaker(), k.Stream, k.Minute(now), k.Hour(now), k.Metrics(),
		k.Paused(), k.Cancelled(),
	}
	running, stuck := ses.runningNow()
	args := append([]any{
		ses.consumer, ses.w.cfg.Lease.Milliseconds(), ses.caretakerTerm().Milliseconds(), ses.binding.GroupName(),
		int64(minuteKept.Seconds()), int64(hourKept.Seconds()), running, stuck, string(ses.w.state()),
	}, counted.args()...)
	reply, err := wire.ScriptHeartbeat.Run(ctx, ses.w.rdb, keys, args...).Result()
	if err != nil {
		return heartbeatReply{}, err
	}
	cells, ok := reply.([]any)
	if !ok || len(cells) != 8 {
		return heartbeatReply{lost: true}, nil
	}
	n := func(cell int) int64 {
		v, _ := cells[cell].(int64)
		return v
	}
	order, _ := cells[7].(string)
	return heartbeatReply{
		caretaker: n(0) == 1, parked: n(1), ended: texts(cells[2]), strays: texts(cells[3]), now: n(4),
		paused: n(5) == 1, cancels: n(6), command: order,
	}, nil
}

func texts(cell any) []string {
	items, _ := cell.([]any)
	found := make([]string, 0, len(items))
	for _, item := range items {
		if text, ok := item.(string); ok {
			found = append(found, text)
		}
	}
	return found
}

// heed acts on what a beat brought back.
func (ses *session) applyReply(ctx context.Context, sent int64, reply heartbeatReply) {
	if jump := ses.clock.see(reply.now, sent, monotonic(), ses.w.cfg.Lease); jump != 0 {
		ses.reportError("beat", fmt.Errorf("the clock of Redis has jumped by %s: no worker is taken for dead for %s", jump, ses.w.cfg.Lease))
		if jump < 0 {
			ses.shortenLeases(ctx)
		}
	}
	ses.w.applyCommand(reply.command)
	ses.applyPause(ctx, reply.paused)
	if reply.cancels > 0 {
		ses.applyCancels(ctx)
	}
	if reply.caretaker {
		if ses.caretakerUntil.Swap(sent+int64(ses.caretakerTerm())) <= sent {
			ses.observe(Event{Type: EventCaretakerTaken, Worker: ses.consumer})
		}
		reply.parked += ses.reclaim(ctx, reply)
		if reply.cancels > 0 {
			ses.expireCancels(ctx)
		}
	}
	if reply.parked > 0 {
		ses.signalParked()
	}
}

// shed hands back jobs that were read ahead and found no slot: the handlers turned slow, and another worker may have
// time. A read-ahead that was asked for stays.
func (ses *session) releaseStale() {
	if ses.w.cfg.ReadAhead != 0 {
		return
	}
	if !ses.transfer.TryLock() {
		return // somebody waits for Redis, and the heart must not wait for them
	}
	defer ses.transfer.Unlock()
	old := monotonic() - int64(staleAfter)
	ses.release(ses.w.dispatcher.take(ses.buffer, func(t *task) bool { return t.heldSince < old }))
}

// tellStuck reports, once, each handler that goes on although its context was cancelled.
func (ses *session) reportStuck() {
	ses.eachRunning(func(t *task) {
		if t.stuckReported || !t.isStuck() {
			return
		}
		t.stuckReported = true
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

// atWork tells how many slots run jobs of this queue, and which entries are stuck, some of them if there are many.
func (ses *session) runningNow() (running int, stuck string) {
	const most = 50
	var entries []string
	ses.eachRunning(func(t *task) {
		running++
		if t.stuckReported && len(entries) < most {
			entries = append(entries, t.entryID)
		}
	})
	return running, strings.Join(entries, " ")
}
