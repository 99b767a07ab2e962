package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// searchAll goes through every page of a search.
func (f *fleet) searchAll(q inspect.Query, page inspect.Page) (ids []string, scanned int64) {
	f.Helper()
	for {
		found, err := f.inspect.Search(f.Context(), "orders", q, page)
		f.must(err)
		for _, job := range found.Jobs {
			ids = append(ids, job.ID)
		}
		scanned += found.Scanned
		if page.Cursor = found.Next; found.Next == "" {
			return ids, scanned
		}
	}
}

// filled brings n jobs into each state that can be listed, every third with the customer "ann".
func filled(f *fleet, n int) {
	f.Helper()
	outcome := map[string]error{"die": queue.Cancel(errors.New("card 4711 declined")),
		"retry": queue.RetryIn(time.Hour, errors.New("busy"))}
	mux := queue.NewMux()
	for kind, err := range outcome {
		mux.HandleKind(kind, func(context.Context, *queue.Run) error { return err })
	}
	fill := func(kind string, opts ...queue.EnqueueOption) (last string) {
		for k := range n {
			data := fmt.Sprintf(`{"n":%d,"customer":{"name":%q}}`, k, []string{"ann", "bob", "cid"}[k%3])
			last = f.enqueue(kind, data, opts...).ID
		}
		return last
	}
	f.late(fill("die", queue.ExpiresIn(time.Millisecond)))
	fill("die")
	fill("retry")
	w := f.start(mux)
	f.await(queue.EventExpired, n)
	f.await(queue.EventDead, n)
	f.await(queue.EventFailed, n)
	f.must(w.Stop(f.Context()))
	fill("die", queue.In(time.Hour))
	_, err := f.inspect.Act(f.Context(), "orders", inspect.Query{State: inspect.StateDelayed}, inspect.ActionCancel, nil)
	f.must(err)
	fill("die", queue.In(time.Hour))
	fill("die")
	f.holdAs("w#aaaaa1", int64(n))
	fill("die")
}

func TestSearchInEveryState(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const n = 300 // more than a chunk
	filled(f, n)
	for _, state := range listed() {
		q := inspect.Query{State: state, Data: map[string]string{"customer.name": "ann"}}
		for _, page := range []inspect.Page{{Limit: 1000}, {Limit: 7}, {MaxScan: 13}} {
			ids, scanned := f.searchAll(q, page)
			seen := map[string]bool{}
			for _, id := range ids {
				seen[id] = true
			}
			if len(ids) != n/3 || len(seen) != n/3 || scanned != n {
				t.Errorf("%s, %+v: %d jobs, %d different, of %d looked at", state, page, len(ids), len(seen), scanned)
			}
		}
		found, err := f.inspect.Search(t.Context(), "orders", q, inspect.Page{MaxScan: 10})
		f.must(err)
		if !found.Truncated || found.Scanned != 10 || found.Total != n || found.Next == "" || len(found.Jobs) == 0 {
			t.Errorf("%s: %d jobs, truncated %t, %d of %d looked at", state, len(found.Jobs), found.Truncated, found.Scanned,
				found.Total)
		}
		count, err := f.inspect.CountMatching(t.Context(), "orders", q, 0)
		f.must(err)
		if count != (inspect.Count{Matched: n / 3, Scanned: n, Total: n}) {
			t.Errorf("%s: %+v", state, count)
		}
		if count, err = f.inspect.CountMatching(t.Context(), "orders", q, 30); err != nil || !count.Truncated ||
			count.Scanned != 30 || count.Matched > 30 {
			t.Errorf("%s: %+v, %v", state, count, err)
		}
		if count, err = f.inspect.CountMatching(t.Context(), "orders", inspect.Query{State: state}, 1); err != nil ||
			count.Matched != n {
			t.Errorf("%s, all of them: %+v, %v", state, count, err)
		}
	}
}

func TestSearchBy(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	filled(f, 6)
	one := f.walk(inspect.StateDead, 10)[0]
	for _, test := range []struct {
		state  inspect.State
		filter string
		want   int
	}{
		{inspect.StateDead, "kind:die", 6},
		{inspect.StateDead, "kind:d*", 6},
		{inspect.StateDead, "kind:d", 0},
		{inspect.StateDead, "error:DECLINED", 6},
		{inspect.StateDead, `error:"cancelled by its"`, 6}, // the reason
		{inspect.StateDead, "id:" + one.ID, 1},
		{inspect.StateDead, "id:" + one.ID + " kind:other", 0},
		{inspect.StateRetrying, "id:" + one.ID, 0}, // it is somewhere else
		{inspect.StateDead, "args.n:3", 1},
		{inspect.StateDead, "args.n:30", 0},
		{inspect.StateDead, "args.customer.name:b*", 2},
		{inspect.StateDead, "args.customer:ann", 0},
		{inspect.StateDead, `signature:"die: cancelled by its handler: card # declined"`, 6},
		{inspect.StateDead, "worker:" + strings.Split(one.Worker, "#")[0], 6},
		{inspect.StateDead, "age:>1h", 0},
		{inspect.StateRetrying, "error:busy", 6},
		{inspect.StateDelayed, "age:>0s", 6},
		{inspect.StateInFlight, "worker:w", 6},
		{inspect.StateInFlight, "worker:w#aaaaa1", 6},
		{inspect.StateInFlight, "worker:w#aaaaa2", 0},
		{inspect.StateInFlight, "idle:>1h", 0},
		{inspect.StateInFlight, "deliveries:>=1", 6},
		{inspect.StateInFlight, "deliveries:>1", 0},
		{inspect.StateInFlight, "is:orphaned", 6}, // w#aaaaa1 has no lease
		{inspect.StateInFlight, "is:stuck", 6},
		{inspect.StateInFlight, "is:poison", 0},
	} {
		q, err := inspect.ParseQuery(test.filter)
		f.must(err)
		q.State = test.state
		if ids, _ := f.searchAll(q, inspect.Page{}); len(ids) != test.want {
			t.Errorf("%s %s: %d jobs, want %d", test.state, test.filter, len(ids), test.want)
		}
	}
	for _, q := range []inspect.Query{
		{}, {State: "odd"}, {State: inspect.StateDone}, {State: inspect.StateWaiting, Worker: "w"},
		{State: inspect.StateDead, MinIdle: 1},
		{State: inspect.StateWaiting, Preset: inspect.PresetStuck}, {State: inspect.StateInFlight, Preset: "odd"},
		{State: inspect.StateDelayed, Signature: "x"},
	} {
		if _, err := f.inspect.Search(t.Context(), "orders", q, inspect.Page{}); err == nil {
			t.Errorf("%+v is no query", q)
		}
	}
}

// What a person on call needs to know of a job in flight: who holds it, whether that one lives, and what happens next.
func TestWhatHappensNext(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	now := f.rdb.Time(t.Context()).Val().UnixMilli()
	lease := func(consumer string, left time.Duration) {
		f.must(f.rdb.ZAdd(t.Context(), f.workers(), z(consumer, float64(now+left.Milliseconds()))).Err())
	}
	hold := func(consumer string) string {
		f.enqueue("k", `{}`)
		return f.holdAs(consumer, 1)[0]
	}
	mustSay := func(entry string, heartbeat inspect.Heartbeat, stuck bool, step string) {
		t.Helper()
		job, err := f.inspect.Job(t.Context(), "orders", entry)
		f.must(err)
		if job.Heartbeat != heartbeat || job.Stuck != stuck || !strings.HasPrefix(job.NextStep, step) {
			t.Errorf("%s, stuck %t, %q; want %s, %t, %s", job.Heartbeat, job.Stuck, job.NextStep, heartbeat, stuck, step)
		}
	}
	lost, orphan := hold("lost#1"), hold("~orphans")
	mustSay(orphan, inspect.HeartbeatParked, false, "waits: no worker serves this queue")
	lease("alive#1", time.Minute)
	lease("late#1", 1900*time.Millisecond)
	lease("gone#1", -time.Second)
	alive, late, gone, foreign := hold("alive#1"), hold("late#1"), hold("gone#1"), hold("python")
	mustSay(alive, inspect.HeartbeatAlive, false, "runs")
	mustSay(late, inspect.HeartbeatLate, true, "reclaimed unless its worker sends a heartbeat in 1.")
	mustSay(gone, inspect.HeartbeatGone, true, "reclaimed any moment")
	mustSay(lost, inspect.HeartbeatGone, true, "reclaimed in ")
	mustSay(foreign, inspect.HeartbeatGone, true, "reclaimed in ")
	mustSay(orphan, inspect.HeartbeatParked, false, "parked, runs in the next free slot")
	f.must(f.rdb.HSet(t.Context(), f.stream()+":crashed", alive, "a b", orphan, "a b c").Err())
	mustSay(alive, inspect.HeartbeatAlive, false, "runs; dead after the next crash")
	mustSay(orphan, inspect.HeartbeatParked, false, "dead when a worker takes it")
	f.must(f.inspect.Cancel(t.Context(), "orders", alive))
	mustSay(alive, inspect.HeartbeatAlive, false, "cancelled: ends when its handler returns")
	released := hold("~released")
	f.must(f.inspect.Pause(t.Context(), "orders"))
	mustSay(released, inspect.HeartbeatParked, false, "parked, runs when the queue is resumed")
	poison, _ := f.searchAll(inspect.Query{State: inspect.StateInFlight, Preset: inspect.PresetPoison}, inspect.Page{})
	orphaned, _ := f.searchAll(inspect.Query{State: inspect.StateInFlight, Preset: inspect.PresetOrphaned}, inspect.Page{})
	if len(poison) != 2 || len(orphaned) != 5 {
		t.Errorf("poison %v, orphaned %v", poison, orphaned)
	}
}

func TestDeadAreGroupedByWhatTheyDiedOf(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("charge", func(_ context.Context, run *queue.Run) error {
		return queue.Cancel(fmt.Errorf("order %s of 7f6b2c1e-0d5a-4a3e-9c55-0123456789ab: timeout after 3%ss\nstack", run.ID,
			run.Data))
	})
	mux.HandleKind("mail", func(context.Context, *queue.Run) error { return errors.New("no such host mx1.example.org") })
	f.start(mux)
	for k := range 5 {
		f.enqueue("charge", fmt.Sprint(k))
	}
	last := f.enqueue("mail", `{}`, queue.MaxAttempts(1))
	f.await(queue.EventDead, 6)
	groups, err := f.inspect.DeadGroups(t.Context(), "orders", 0)
	f.must(err)
	if len(groups.Groups) != 2 || groups.Scanned != 6 || groups.Total != 6 || groups.Truncated {
		t.Fatalf("got %+v", groups)
	}
	charge, mail := groups.Groups[0], groups.Groups[1]
	if charge.Count != 5 || charge.Signature != "charge: cancelled by its handler: order # of #: timeout after #s" ||
		strings.Contains(charge.Error, "stack") || charge.First.After(charge.Last) {
		t.Errorf("got %+v", charge)
	}
	if mail.Count != 1 || mail.Sample != last.ID ||
		mail.Signature != "mail: attempts spent: no such host mx#.example.org" {
		t.Errorf("got %+v", mail)
	}
	ids, _ := f.searchAll(inspect.Query{State: inspect.StateDead, Signature: charge.Signature}, inspect.Page{})
	if len(ids) != 5 {
		t.Errorf("%d jobs of the signature", len(ids))
	}
}
