package queue

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

func TestPromoteMovesWhatIsDue(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := newEngine(t, func(c *WorkerConfig) { c.Now = func() time.Time { return now } })
	e.enqueue(2, In(time.Minute))
	e.enqueue(1, In(time.Hour))
	length := func() int64 { return e.rdb.XLen(t.Context(), e.queue.Stream).Val() }
	if next := e.chore(chorePromote); next != promoteEvery || length() != 0 {
		t.Errorf("before anything is due: next in %s, %d in the stream", next, length())
	}
	due := e.rdb.ZRangeWithScores(t.Context(), e.queue.Delayed(), 0, 0).Val()[0].Score
	now = time.UnixMilli(int64(due) - 20)
	if next := e.chore(chorePromote); next != 20*time.Millisecond || length() != 0 {
		t.Errorf("20 ms before the first is due: next in %s, %d in the stream", next, length())
	}
	now = now.Add(time.Minute)
	if next := e.chore(chorePromote); next != promoteEvery || length() != 2 {
		t.Errorf("when two are due: next in %s, %d in the stream", next, length())
	}
	if left := e.rdb.ZCard(t.Context(), e.queue.Delayed()).Val(); left != 1 {
		t.Errorf("%d are still delayed, want 1", left)
	}
}

func TestPromoteMovesABatchAtATime(t *testing.T) {
	t.Parallel()
	e := newEngine(t, func(c *WorkerConfig) { c.Now = func() time.Time { return time.Now().Add(time.Hour) } })
	e.enqueue(maxPromote+1, In(time.Minute))
	if next := e.chore(chorePromote); next != time.Nanosecond {
		t.Errorf("with one more that is due: next in %s, want at once", next)
	}
	if n := e.rdb.XLen(t.Context(), e.queue.Stream).Val(); n != maxPromote {
		t.Errorf("%d were promoted in one go", n)
	}
}

func TestReclaimParksWhatTheDeadHeld(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	const dead = "gone#aaaaa1"
	e.holdAs(dead, reclaimPageSize+1)
	e.must(e.rdb.ZAdd(t.Context(), e.queue.Workers(), redis.Z{Score: 1, Member: dead}).Err())
	if e.chore(choreReclaim); e.pending()[dead] != reclaimPageSize+1 {
		t.Errorf("parked although no heartbeat has found a dead worker: %v", e.pending())
	}
	e.gone.Store(&goneConsumers{ended: []string{dead}})
	if next := e.chore(choreReclaim); next != 0 {
		t.Errorf("next in %s, want with the next signal", next)
	}
	if held := e.pending(); held[orphans] != reclaimPageSize+1 || held[dead] != 0 {
		t.Errorf("pending: %v", held)
	}
	if reaped := e.events.of(EventWorkerReaped); len(reaped) != 1 || reaped[0].Count != reclaimPageSize+1 {
		t.Errorf("events %+v", reaped)
	}
	if len(e.parked) != 1 {
		t.Error("the claiming loop has no signal")
	}
	if e.chore(choreReclaim); len(e.events.of(EventWorkerReaped)) != 1 {
		t.Error("the same worker was reaped twice")
	}
}

func TestReclaimLeavesTheLivingAlone(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	alive, err := e.subscription.join(t.Context())
	e.must(err)
	e.holdAs(alive.consumer, 2)
	e.holdAs("python-1", 3) // has held them for a moment
	e.gone.Store(&goneConsumers{ended: []string{alive.consumer}, strays: []string{"python-1"}})
	e.chore(choreReclaim)
	if held := e.pending(); held[alive.consumer] != 2 || held["python-1"] != 3 {
		t.Errorf("pending: %v", held)
	}
	if reaped := e.events.of(EventWorkerReaped); len(reaped) > 0 && reaped[0].Count > 0 {
		t.Errorf("reaped %+v", reaped)
	}
}

func TestSweepDeletesEmptyConsumersOfWorkers(t *testing.T) {
	t.Parallel()
	e := newEngine(t, func(c *WorkerConfig) { c.Lease = minLease })
	e.holdAs("gone#aaaaa1", 1)
	for _, name := range []string{"gone#aaaaa2", "python-1"} {
		e.must(e.rdb.XGroupCreateConsumer(t.Context(), e.queue.Stream, e.queue.Group, name).Err())
	}
	if e.chore(choreSweep); !slices.Contains(e.consumers(), "gone#aaaaa2") {
		t.Error("deleted before it was idle for a lease")
	}
	eventually(t, "the empty consumer is deleted", func() bool {
		return e.chore(choreSweep) == 0 && !slices.Contains(e.consumers(), "gone#aaaaa2")
	})
	for _, name := range []string{"gone#aaaaa1", "python-1"} {
		if !slices.Contains(e.consumers(), name) {
			t.Errorf("%s was deleted", name)
		}
	}
}

func TestExpireCancelsDropsOldOnesOfJobsThatEnded(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	running := e.hold(1)[0].entry.ID
	old := (wire.Attribution{By: "olga", At: time.Now().Add(-time.Minute)}).Encode()
	fresh := (wire.Attribution{By: "olga", At: time.Now()}).Encode()
	e.must(e.rdb.HSet(t.Context(), e.queue.Cancelled(), running, old, "1-1", old, "1-2", fresh).Err())
	if next := e.chore(choreExpireCancels); next != 0 {
		t.Errorf("next in %s, want with the next signal", next)
	}
	left := e.rdb.HKeys(t.Context(), e.queue.Cancelled()).Val()
	slices.Sort(left)
	if want := []string{"1-2", running}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
}

// A chore without a cadence runs when a heartbeat signals it, and in the caretaker alone.
func TestAChoreRunsInTheCaretakerAlone(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx, cancel := context.WithCancel(t.Context())
	loop := make(chan struct{})
	go func() {
		defer close(loop)
		e.caretake(ctx, choreReclaim)
	}()
	defer within(t, "the loop of the chore", func() { <-loop })
	defer cancel()

	e.gone.Store(&goneConsumers{})
	e.signalChore(choreReclaim)
	e.signalChore(choreReclaim)
	eventually(t, "a worker that is not the caretaker takes the signal",
		func() bool { return len(e.choreDue[choreReclaim]) == 0 })
	if e.gone.Load() == nil {
		t.Error("a worker that is not the caretaker has done the chore")
	}
	e.caretakerUntil.Store(monotonic() + int64(time.Minute))
	e.signalChore(choreReclaim)
	eventually(t, "the caretaker does the chore", func() bool { return e.gone.Load() == nil })
}

func TestALostSessionIsNoCaretaker(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	e.caretakerUntil.Store(monotonic() + int64(time.Minute))
	if !e.isCaretaker() {
		t.Error("not the caretaker in its term")
	}
	if e.lose(); e.isCaretaker() {
		t.Error("the caretaker without a lease")
	}
}
