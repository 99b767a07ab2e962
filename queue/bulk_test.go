package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// All that match, and nothing else, in every state that an action suits.
func TestActOnAllThatMatch(t *testing.T) {
	t.Parallel()
	const n = 120
	for _, test := range []struct {
		action inspect.Action
		states []inspect.State
		after  func(inspect.QueueInfo) int64
	}{
		{inspect.ActionRequeue, []inspect.State{inspect.StateDead}, func(q inspect.QueueInfo) int64 { return q.Waiting }},
		{inspect.ActionRunNow, []inspect.State{inspect.StateDelayed, inspect.StateRetrying}, nil},
		{inspect.ActionRelease, []inspect.State{inspect.StateInFlight}, nil},
		{inspect.ActionCancel, []inspect.State{inspect.StateWaiting, inspect.StateInFlight, inspect.StateDelayed,
			inspect.StateRetrying}, nil},
		{inspect.ActionBury, []inspect.State{inspect.StateWaiting, inspect.StateInFlight, inspect.StateDelayed,
			inspect.StateRetrying}, nil},
		{inspect.ActionDelete, []inspect.State{inspect.StateWaiting, inspect.StateInFlight, inspect.StateDelayed,
			inspect.StateRetrying, inspect.StateDead, inspect.StateCancelled}, nil},
	} {
		t.Run(string(test.action), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			filled(f, n)
			done := int64(0)
			for _, state := range test.states {
				q := inspect.Query{State: state, Data: map[string]string{"customer.name": "ann"}}
				told := int64(0)
				tally, err := f.inspect.Act(t.Context(), "orders", q, test.action,
					func(tally inspect.BulkResult) { told = tally.Done })
				f.must(err)
				if tally.Done != n/3 || tally.Gone+tally.Held != 0 || tally.Looked != n || tally.Total != n || told != n/3 {
					t.Errorf("%s: %+v, told %d", state, tally, told)
				}
				done += tally.Done
			}
			f.checkActed(test.action, n, done)
			if audit := f.verify(); !audit.OK() {
				t.Errorf("got %+v", audit)
			}
		})
	}
	f := newFleet(t)
	f.enqueue("k", `{}`)
	if _, err := f.inspect.Act(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, inspect.ActionRequeue,
		nil); err == nil {
		t.Error("a waiting job cannot be requeued")
	}
}

// checkActed holds the queue's counts against what an action must have done to as many jobs.
func (f *fleet) checkActed(action inspect.Action, n, done int64) {
	f.Helper()
	info := f.info()
	sum := info.Waiting + info.InFlight + info.Delayed + info.Retrying + info.Dead + info.Cancelled
	ok := map[inspect.Action]bool{
		inspect.ActionRequeue: sum == 6*n && info.Waiting == n+done && info.Dead == n-done,
		inspect.ActionRunNow:  sum == 6*n && info.Waiting == n+done && info.Delayed == n-n/3 && info.Retrying == n-n/3,
		inspect.ActionRelease: sum == 6*n &&
			f.rdb.XPending(f.Context(), f.stream(), "workers").Val().Consumers["~orphans"] == done,
		inspect.ActionCancel: sum == 6*n && info.Dead == n && info.Cancelled == n+done,
		inspect.ActionBury:   sum == 6*n && info.Dead == n+done,
		inspect.ActionDelete: sum == 6*n-done && info.Totals.Deleted == done,
	}
	if !ok[action] {
		f.Errorf("after %s: %+v", action, info)
	}
}

func TestBuryDoesNotWaitForTheHandler(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	f.start(muxOf("k", b.handle))
	job := f.enqueue("k", `{}`)
	receive(t, b.began)
	f.must(f.inspect.Bury(t.Context(), "orders", job.ID))
	if found, err := f.inspect.Job(t.Context(), "orders", job.ID); err != nil || found.State != inspect.StateDead {
		t.Errorf("got %+v, %v", found, err)
	}
	if cause := receive(t, b.ended); !errors.Is(cause, queue.ErrCancelled) {
		t.Errorf("the handler's context ended with %v", cause)
	}
	f.await(queue.EventDropped, 1)
	if info := f.info(); info.Dead != 1 || info.Totals.Dead != 1 || info.InFlight != 0 {
		t.Errorf("got %+v", info)
	}
}

func TestReleaseOnlyFromTheDead(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	b := newBlocker()
	job := f.enqueue("k", `{}`)
	f.holdAs("gone#1", 1) // with no lease
	f.must(f.inspect.Release(t.Context(), "orders", job.ID))
	f.must(f.inspect.Release(t.Context(), "orders", job.ID))
	f.start(muxOf("k", b.handle))
	if run := receive(t, b.began); run.ID != job.ID || run.Redelivered != 1 {
		t.Errorf("got %+v", run)
	}
	if err := f.inspect.Release(t.Context(), "orders", job.ID); !errors.Is(err, inspect.ErrHeld) {
		t.Errorf("from a living worker: %v", err)
	}
	tally, err := f.inspect.Act(t.Context(), "orders", inspect.Query{State: inspect.StateInFlight}, inspect.ActionRelease,
		nil)
	if err != nil || tally.Held != 1 || tally.Done != 0 {
		t.Errorf("got %+v, %v", tally, err)
	}
	close(b.free)
	f.await(queue.EventDone, 1)
	if err := f.inspect.Release(t.Context(), "orders", job.ID); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("of a job that is done: %v", err)
	}
}

func TestRequeueWithOtherData(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	got := make(chan string, 10)
	f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
		got <- string(run.Data)
		return queue.Cancel(nil)
	}))
	job := f.enqueue("k", `{"cents":-1}`)
	f.await(queue.EventDead, 1)
	for _, bad := range []string{"", "{", string(make([]byte, queue.DefaultMaxData+1))} {
		if err := f.inspect.RequeueWith(t.Context(), "orders", job.ID, []byte(bad)); err == nil {
			t.Errorf("%.10q is no data", bad)
		}
	}
	f.must(f.inspect.RequeueWith(t.Context(), "orders", job.ID, []byte(`{"cents":1}`)))
	f.await(queue.EventDead, 2)
	if first, second := receive(t, got), receive(t, got); first != `{"cents":-1}` || second != `{"cents":1}` {
		t.Errorf("got %s, then %s", first, second)
	}
}

func TestReschedule(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	job := f.enqueue("k", `{}`, queue.In(time.Hour))
	due := time.Now().Add(2 * time.Hour)
	f.must(f.inspect.Reschedule(t.Context(), "orders", job.ID, due))
	found, err := f.inspect.Job(t.Context(), "orders", job.ID)
	f.must(err)
	if found.Due.Before(due) || found.Due.Sub(due) > time.Millisecond {
		t.Errorf("due %s, want %s", found.Due, due)
	}
	if err := f.inspect.Reschedule(t.Context(), "orders", "nobody", due); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// promoter takes what is due out of the delayed between two commands of the inspector, as a caretaker does.
type promoter struct {
	promote func(ctx context.Context)
}

func (p promoter) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (p promoter) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (p promoter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		p.promote(ctx)
		return err
	}
}

func TestRunNowLeavesNoneOutWhileOthersArePromoted(t *testing.T) {
	t.Parallel()
	const n = 300
	f := newFleet(t)
	for i := range n {
		f.enqueue("k", `{}`, queue.In(time.Hour+time.Duration(i/2)*time.Second))
	}
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr})
	defer rdb.Close()
	rdb.AddHook(promoter{promote: func(ctx context.Context) {
		f.rdb.ZRemRangeByScore(ctx, f.stream()+":delayed", "-inf", millis(0))
	}})
	insp, err := inspect.New(rdb, inspect.Config{Namespace: f.namespace})
	f.must(err)
	tally, err := insp.Act(t.Context(), "orders", inspect.Query{State: inspect.StateDelayed}, inspect.ActionRunNow, nil)
	f.must(err)
	later := f.rdb.ZCount(t.Context(), f.stream()+":delayed", millis(time.Minute), "+inf").Val()
	if tally.Done != n || later > 0 {
		t.Errorf("got %+v; %d of %d are not due", tally, later, n)
	}
}
