package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

func TestALeaseIsReliedOnForThreeQuarters(t *testing.T) {
	t.Parallel()
	e := newEngine(t, func(c *WorkerConfig) { c.Lease = 4 * time.Hour })
	now := monotonic()
	for _, test := range []struct {
		age   time.Duration
		valid bool
	}{{0, true}, {2*time.Hour + 59*time.Minute, true}, {3*time.Hour + time.Second, false}, {5 * time.Hour, false}} {
		e.extend(now - int64(test.age))
		if e.valid() != test.valid || e.lost() {
			t.Errorf("%s after it was granted: valid %t, lost %t", test.age, e.valid(), e.lost())
		}
	}
}

func TestALeaseIsLostOnce(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	e.lose()
	e.lose()
	e.extend(monotonic()) // a late reply does not bring it back
	if e.valid() || !e.lost() || !errors.Is(context.Cause(e.ctx), ErrLeaseLost) {
		t.Errorf("valid %t, lost %t, cause %v", e.valid(), e.lost(), context.Cause(e.ctx))
	}
	if lost := e.events.of(EventLeaseLost); len(lost) != 1 || !errors.Is(lost[0].Err, ErrLeaseLost) ||
		lost[0].Worker != e.consumer {
		t.Errorf("events %+v", lost)
	}
	if n := e.counters.leaseLost.Load(); n != 1 {
		t.Errorf("counted %d times", n)
	}
}

func TestAHeartbeatFindsThatTheLeaseIsGone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *engine){
		"registration deleted": func(e *engine) { e.must(e.rdb.Del(e.Context(), e.queue.Worker(e.consumer)).Err()) },
		"too late to send":     func(e *engine) { e.extend(monotonic() - int64(e.w.cfg.Lease)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t)
			if e.heartbeatOnce(t.Context()); e.lost() {
				t.Fatal("lost at the first heartbeat")
			}
			end(e)
			if e.heartbeatOnce(t.Context()); !e.lost() {
				t.Error("not lost")
			}
		})
	}
}

func TestAHeartbeatOfASessionThatLeavesLosesNothing(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	e.leave()
	if e.heartbeatOnce(t.Context()); e.lost() || len(e.events.of(EventLeaseLost)) > 0 {
		t.Error("a session that deregistered has lost its lease")
	}
	if n := e.rdb.Exists(t.Context(), e.queue.Worker(e.consumer)).Val(); n != 0 {
		t.Error("the heartbeat has registered it again")
	}
}

func TestAJumpOfTheClockIsReported(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	now := time.Now().UnixMilli()
	for _, at := range []int64{now, now + 3_600_000, now} {
		e.applyReply(t.Context(), monotonic(), wire.HeartbeatReply{Now: at})
	}
	if errs := e.events.of(EventRedisError); len(errs) != 2 {
		t.Errorf("%d jumps were reported, want 2: %+v", len(errs), errs)
	}
}

func TestAReplyIsApplied(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	reply := wire.HeartbeatReply{Now: time.Now().UnixMilli(), Caretaker: true, Paused: true, Parked: 1, Cancels: 1}
	for range 3 {
		e.applyReply(t.Context(), monotonic(), reply)
	}
	if n := len(e.events.of(EventCaretakerTaken)); n != 1 || !e.isCaretaker() {
		t.Errorf("caretaker %t, reported %d times", e.isCaretaker(), n)
	}
	if n := len(e.events.of(EventPaused)); n != 1 || !e.buffer.paused {
		t.Errorf("paused %t, reported %d times", e.buffer.paused, n)
	}
	if len(e.parked) != 1 || len(e.choreDue[choreExpireCancels]) != 1 || len(e.choreDue[choreReclaim]) != 0 {
		t.Errorf("signals: parked %d, cancellations %d, reclaim %d",
			len(e.parked), len(e.choreDue[choreExpireCancels]), len(e.choreDue[choreReclaim]))
	}
	reply.Caretaker, reply.Paused, reply.Cancels, reply.Ended = false, false, 0, []string{"gone#aaaaa1"}
	e.applyReply(t.Context(), monotonic(), reply)
	if n := len(e.events.of(EventResumed)); n != 1 || e.buffer.paused {
		t.Errorf("paused %t, resumed reported %d times", e.buffer.paused, n)
	}
	if e.gone.Load() != nil {
		t.Error("a worker that is not the caretaker keeps what is to be reclaimed")
	}
}

// For a while after the first look a lease that seems over may be that of a worker that lives.
func TestNoWorkerIsReclaimedBeforeTheClockIsTrusted(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	reply := wire.HeartbeatReply{Now: time.Now().UnixMilli(), Caretaker: true, Ended: []string{"gone#aaaaa1"}}
	if e.applyReply(t.Context(), monotonic(), reply); e.gone.Load() != nil {
		t.Error("reclaimed at the first look")
	}
	e.clock.quietTo = 0
	if e.becomeCaretaker(monotonic(), reply); e.gone.Load() == nil || len(e.choreDue[choreReclaim]) != 1 {
		t.Error("not reclaimed later")
	}
}
