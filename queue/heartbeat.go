package queue

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	minuteKept = 26 * time.Hour     // of the counts of each minute: the charts of a day
	hourKept   = 8 * 24 * time.Hour // of those of each hour: the charts of a week
	shedAfter  = time.Second
)

// beatEvery is an eighth of the lease, half a second at the most: a dead worker is noticed soon after its lease has
// ended, and a few lost beats harm nobody.
func (s *source) beatEvery() time.Duration { return min(s.w.cfg.Lease/8, 500*time.Millisecond) }

// caretakerFor is how long a worker is the caretaker without another beat: less than a lease, so that the jobs of a
// caretaker that died are not found any later than others.
func (s *source) caretakerFor() time.Duration { return min(s.w.cfg.Lease*3/4, 3*time.Second) }

// What the heart waits for at the most, so that one connection on which nothing comes back does not cost the lease: the
// next command takes another.
func (s *source) beatPatience() time.Duration  { return s.w.cfg.Lease * 3 / 8 }
func (s *source) chorePatience() time.Duration { return s.w.cfg.Lease / 4 }

// beat is the heart: it extends the lease until the session ends. What the others need to know comes back with it, so
// that nothing else has to ask.
func (ses *session) beat(ctx context.Context) {
	tick := time.NewTicker(ses.beatEvery())
	defer tick.Stop()
	for {
		ses.beatOnce(ctx)
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

func (ses *session) beatOnce(ctx context.Context) {
	if monotonic() >= ses.validTo.Load() {
		ses.lose()
		return
	}
	counted := ses.meter.take()
	sent := monotonic()
	reply, err := ses.sendBeat(ctx, counted)
	switch {
	case err != nil:
		counted.undo()
		if ctx.Err() == nil {
			ses.trouble("beat", err)
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
	chores, cancel := context.WithTimeout(ctx, ses.chorePatience())
	defer cancel()
	ses.heed(chores, sent, reply)
	ses.shed()
	ses.tellStuck()
}

// lastBeat writes what was counted since the last one, when the session ends in good order.
func (ses *session) lastBeat() {
	counted := ses.meter.take()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), stopPatience)
	defer cancel()
	if reply, err := ses.sendBeat(ctx, counted); err != nil || reply.lost {
		counted.undo()
	}
}

// beatReply is what comes back with a beat.
type beatReply struct {
	lost      bool
	caretaker bool
	parked    int64
	ended     []string // workers whose lease has ended
	strays    []string // consumers that hold entries and never had a lease
	now       int64    // Redis' clock, ms
	paused    bool
	cancels   int64  // cancellations that workers have not heeded yet
	order     string // to this worker, by a person
}

func (ses *session) sendBeat(ctx context.Context, counted *counted) (beatReply, error) {
	left := time.Duration(ses.validTo.Load() - monotonic())
	ctx, cancel := context.WithTimeout(ctx, min(max(left, time.Millisecond), ses.beatPatience()))
	defer cancel()
	k, now := ses.keys, ses.w.cfg.Now()
	keys := []string{
		k.workers(), k.worker(ses.consumer), k.caretaker(), k.stream, k.minute(now), k.hour(now), k.metrics(),
		k.paused(), k.cancelled(),
	}
	running, stuck := ses.atWork()
	args := append([]any{
		ses.consumer, ses.w.cfg.Lease.Milliseconds(), ses.caretakerFor().Milliseconds(), ses.binding.group(),
		int64(minuteKept.Seconds()), int64(hourKept.Seconds()), running, stuck, string(ses.w.state()),
	}, counted.args()...)
	reply, err := scriptBeat.Run(ctx, ses.w.rdb, keys, args...).Result()
	if err != nil {
		return beatReply{}, err
	}
	cells, ok := reply.([]any)
	if !ok || len(cells) != 8 {
		return beatReply{lost: true}, nil
	}
	n := func(cell int) int64 {
		v, _ := cells[cell].(int64)
		return v
	}
	order, _ := cells[7].(string)
	return beatReply{
		caretaker: n(0) == 1, parked: n(1), ended: texts(cells[2]), strays: texts(cells[3]), now: n(4),
		paused: n(5) == 1, cancels: n(6), order: order,
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
func (ses *session) heed(ctx context.Context, sent int64, reply beatReply) {
	if jump := ses.clock.see(reply.now, sent, monotonic(), ses.w.cfg.Lease); jump != 0 {
		ses.trouble("beat", fmt.Errorf("the clock of Redis has jumped by %s: no worker is taken for dead for %s", jump, ses.w.cfg.Lease))
		if jump < 0 {
			ses.shortenLeases(ctx)
		}
	}
	ses.w.obey(reply.order)
	ses.pause(ctx, reply.paused)
	if reply.cancels > 0 {
		ses.heedCancels(ctx)
	}
	if reply.caretaker {
		if ses.care.Swap(sent+int64(ses.caretakerFor())) <= sent {
			ses.observe(Event{Type: EventCaretakerTaken, Worker: ses.consumer})
		}
		reply.parked += ses.reclaim(ctx, reply)
		if reply.cancels > 0 {
			ses.forgetCancels(ctx)
		}
	}
	if reply.parked > 0 {
		ses.noteParked()
	}
}

// shed hands back jobs that were read ahead and found no slot: the handlers turned slow, and another worker may have
// time. A read-ahead that was asked for stays.
func (ses *session) shed() {
	if ses.w.cfg.ReadAhead != 0 {
		return
	}
	if !ses.moving.TryLock() {
		return // somebody waits for Redis, and the heart must not wait for them
	}
	defer ses.moving.Unlock()
	old := monotonic() - int64(shedAfter)
	ses.release(ses.w.slots.take(ses.backlog, func(t *task) bool { return t.held < old }))
}

// tellStuck reports, once, each handler that goes on although its context was cancelled.
func (ses *session) tellStuck() {
	ses.eachRunning(func(t *task) {
		if t.told || !t.isStuck() {
			return
		}
		t.told = true
		e := t.event(EventStuck)
		e.Took = t.runningFor()
		ses.observe(e)
	})
}

// eachRunning visits what the slots run of this queue.
func (ses *session) eachRunning(visit func(*task)) {
	for i := range ses.w.hands {
		if t := ses.w.hands[i].Load(); t != nil && t.ses.source == ses.source {
			visit(t)
		}
	}
}

// atWork tells how many slots run jobs of this queue, and which entries are stuck, some of them if there are many.
func (ses *session) atWork() (running int, stuck string) {
	const most = 50
	var entries []string
	ses.eachRunning(func(t *task) {
		running++
		if t.told && len(entries) < most {
			entries = append(entries, t.stream)
		}
	})
	return running, strings.Join(entries, " ")
}
