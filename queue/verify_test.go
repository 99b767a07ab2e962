package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func (f *fleet) verify() inspect.Audit {
	f.Helper()
	audit, err := f.inspect.Verify(f.Context(), "orders", nil)
	f.must(err)
	return audit
}

func TestVerifyAccountsForEveryJob(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := muxOf("k", noop, queue.Retain(time.Minute))
	mux.HandleKind("plain", noop)
	mux.HandleKind("flaky", func(_ context.Context, run *queue.Run) error {
		if run.Attempt < 2 {
			return errors.New("again")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond))
	mux.HandleKind("snooze", func(context.Context, *queue.Run) error { return queue.Snooze(time.Hour) })
	mux.HandleKind("broken", func(context.Context, *queue.Run) error { return queue.Cancel(nil) })
	var dead []string
	for range 20 {
		f.enqueue("k", `{}`)
		f.enqueue("plain", `{}`)
		f.enqueue("flaky", `{}`, queue.In(time.Millisecond))
		f.enqueue("snooze", `{}`)
		dead = append(dead, f.enqueue("broken", `{}`).ID)
	}
	later := f.enqueue("k", `{}`, queue.In(time.Hour))
	f.start(mux)
	f.await(queue.EventDone, 60)
	f.await(queue.EventDead, 20)
	f.await(queue.EventSnoozed, 20)
	f.must(f.inspect.Delete(t.Context(), "orders", later.ID))
	f.must(f.inspect.Delete(t.Context(), "orders", dead[0]))
	f.must(f.inspect.Requeue(t.Context(), "orders", dead[1]))
	f.await(queue.EventDead, 21)
	f.enqueue("k", `{}`)
	f.await(queue.EventDone, 61)
	if audit := f.verify(); !audit.OK() || len(audit.Balances) != 5 || audit.Looked == 0 {
		t.Errorf("got %+v", audit)
	}
}

func TestVerifyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm  func(f *fleet, job *queue.Enqueued)
		names bool
		lost  string // the balance that is off
	}{
		"a waiting entry is trimmed": {func(f *fleet,
			_ *queue.Enqueued) {
			f.must(f.rdb.XTrimMaxLen(f.Context(), f.stream(), 1).Err())
		}, false, "stream"},
		"a running entry is deleted": {func(f *fleet, _ *queue.Enqueued) {
			f.must(f.rdb.XDel(f.Context(), f.stream(), f.holdAs("w", 1)[0]).Err())
		}, true, "stream"},
		"a delayed job loses its data": {func(f *fleet,
			j *queue.Enqueued) {
			f.must(f.rdb.HDel(f.Context(), f.stream()+":bodies", j.ID).Err())
		}, true, ""},
		"a delayed job is not due": {func(f *fleet, j *queue.Enqueued) {
			f.must(f.rdb.ZRem(f.Context(),
				f.stream()+":delayed", j.ID).Err())
		}, true, "delayed and retrying"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			for range 3 {
				f.enqueue("k", `{}`)
			}
			job := f.enqueue("k", `{}`, queue.In(time.Hour))
			if audit := f.verify(); !audit.OK() {
				t.Fatalf("before any harm: %+v", audit)
			}
			c.harm(f, job)
			audit := f.verify()
			if audit.OK() || (len(audit.Missing) > 0) != c.names {
				t.Errorf("got %+v", audit)
			}
			for _, b := range audit.Balances {
				if (b.Lost() != 0) != (b.Place == c.lost) {
					t.Errorf("%+v: lost %d", b, b.Lost())
				}
			}
			if c.names && strings.Contains(audit.Missing[0], "job ") && !strings.Contains(audit.Missing[0], job.ID) {
				t.Errorf("names %q, not %s", audit.Missing, job.ID)
			}
		})
	}
}
