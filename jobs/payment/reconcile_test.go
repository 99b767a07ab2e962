package payment_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
)

// leave brings orders to the gateway and loses what becomes of them.
func leave(t *testing.T, b bench, service *payment.Service, orders ...string) {
	t.Helper()
	for _, id := range orders {
		if _, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 500}); err == nil {
			t.Fatalf("Charge %s: no error", id)
		}
		b.age(t, id, time.Hour)
	}
}

func TestReconcileSettlesWhatWasLeft(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		lost := errors.New("lost")
		gateway := newScripted()
		service := payment.New(b.rdb, b.store, gateway)
		gateway.after = func(int64) error { return lost }
		leave(t, b, service, "charged-1", "charged-2")
		gateway.before = func(context.Context, int64) error { return lost }
		leave(t, b, service, "never-charged", "declined")
		gateway.refused["charge:declined"] = true
		gateway.before, gateway.after = nil, nil
		orderIn(t, b.store, "new", payment.Processing)

		done, err := service.Reconcile(t.Context(), payment.Reconcile{})
		if err != nil || done != (payment.Reconciliation{Seen: 4, Paid: 3, Failed: 1}) {
			t.Errorf("Reconcile: %+v (%v)", done, err)
		}
		for id, want := range map[string]payment.State{
			"charged-1": payment.Paid, "charged-2": payment.Paid, "never-charged": payment.Paid,
			"declined": payment.Failed, "new": payment.Processing,
		} {
			if order, err := service.Order(t.Context(), id); err != nil || order.State != want {
				t.Errorf("%s: %+v (%v), want it %s", id, order, err, want)
			}
		}
		if ledger := gateway.Ledger(); len(ledger) != 3 {
			t.Errorf("ledger: %+v, want three charges", ledger)
		}
		if done, err := service.Reconcile(t.Context(), payment.Reconcile{}); err != nil ||
			done != (payment.Reconciliation{}) {
			t.Errorf("Reconcile again: %+v (%v), want nothing to do", done, err)
		}
	})
}

func TestReconcileGoesOnFromItsCursor(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := payment.New(b.rdb, b.store, gateway)
		gateway.before = func(context.Context, int64) error { return errors.New("no route") }
		for i := range 9 {
			leave(t, b, service, fmt.Sprintf("o-%d", i))
		}
		done, err := service.Reconcile(t.Context(), payment.Reconcile{Limit: 4})
		if err != nil || done.Seen != 4 || done.Unsettled != 4 || done.Cursor == "" {
			t.Fatalf("first: %+v (%v)", done, err)
		}
		gateway.before = nil
		done, err = service.Reconcile(t.Context(), payment.Reconcile{Limit: 4, Cursor: done.Cursor})
		if err != nil || done.Seen != 4 || done.Paid != 4 || done.Cursor == "" {
			t.Errorf("second: %+v (%v)", done, err)
		}
		done, err = service.Reconcile(t.Context(), payment.Reconcile{Limit: 4, Cursor: done.Cursor})
		if err != nil || done != (payment.Reconciliation{Seen: 1, Paid: 1}) {
			t.Errorf("third: %+v (%v)", done, err)
		}
	})
}

func TestReconcileGivesUpOnAGatewayThatIsDown(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := payment.New(b.rdb, b.store, gateway)
		down := errors.New("no route")
		gateway.before = func(context.Context, int64) error { return down }
		for i := range 15 {
			leave(t, b, service, fmt.Sprintf("o-%02d", i))
		}
		done, err := service.Reconcile(t.Context(), payment.Reconcile{})
		if !errors.Is(err, down) || done.Seen != 10 || done.Unsettled != 10 {
			t.Errorf("got %+v (%v), want it to give up after 10", done, err)
		}
	})
}

func TestReconcileLeavesToOthersWhatIsTheirs(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		service := payment.New(b.rdb, b.store, newScripted())
		for _, id := range []string{"busy", "stale"} {
			orderIn(t, b.store, id, payment.Processing)
			b.age(t, id, time.Hour)
		}
		_, err := b.store.Move(t.Context(), step("stale", payment.Processing, payment.Processing, 1<<52))
		must(t, err)
		b.age(t, "stale", time.Hour)
		lock, err := lockmgr.New(b.rdb).TryAcquire(t.Context(), "payment:busy")
		must(t, err)
		defer func() { must(t, lock.Release(t.Context())) }()
		done, err := service.Reconcile(t.Context(), payment.Reconcile{})
		if err != nil || done != (payment.Reconciliation{Seen: 2, Busy: 2}) {
			t.Errorf("got %+v (%v)", done, err)
		}
	})
}

func TestReconcileRunsOneAtATime(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	fleet, service := startFleet(t, rdb, newScripted())
	lock, err := lockmgr.New(rdb).TryAcquire(t.Context(), "payments:reconcile")
	must(t, err)
	if done, err := service.Reconcile(t.Context(), payment.Reconcile{}); !errors.Is(err, lockmgr.ErrNotAcquired) ||
		!done.Running {
		t.Errorf("got %+v (%v), want ErrNotAcquired", done, err)
	}
	result := func() (done payment.Reconciliation) {
		t.Helper()
		ended := fleet.Run(t, payment.Reconcile{OlderThan: time.Minute})
		info, err := fleet.Inspector.Job(t.Context(), queue.DefaultQueue, ended.Job)
		if err != nil || ended.Type != queue.EventDone || json.Unmarshal(info.Result, &done) != nil {
			t.Errorf("ended as %s (%v) with %s (%v)", ended.Type, ended.Err, info.Result, err)
		}
		return done
	}
	if done := result(); !done.Running {
		t.Errorf("the job's result is %+v, want that another runs", done)
	}
	must(t, lock.Release(t.Context()))
	if done := result(); done != (payment.Reconciliation{}) {
		t.Errorf("the job's result is %+v, want nothing to do", done)
	}
}

// In Redis the index may hold more than what is in processing: a process may die between the index and the order.
func TestReconcileClearsTheIndexInRedis(t *testing.T) {
	t.Parallel()
	b, gateway := redisBench(t), newScripted()
	service := payment.New(b.rdb, nil, gateway)
	for id, state := range map[string]payment.State{"paid": payment.Paid, "refunded": payment.Refunded,
		"pending": payment.Pending} {
		orderIn(t, b.store, id, state)
	}
	b.rdb.HSet(t.Context(), "order:broken", "state", "processing", "cents", "5.00")
	for _, id := range []string{"paid", "refunded", "pending", "gone", "broken"} {
		b.age(t, id, -time.Since(time.Unix(0, 0))+time.Hour)
	}
	done, err := service.Reconcile(t.Context(), payment.Reconcile{})
	if err != nil || done != (payment.Reconciliation{Seen: 2, Paid: 1, Conflicts: 1}) {
		t.Errorf("Reconcile: %+v (%v)", done, err)
	}
	if left := b.rdb.ZRange(t.Context(), "orders:processing", 0, -1).Val(); len(left) != 1 || left[0] != "broken" {
		t.Errorf("left in the index: %v, want the broken one", left)
	}
	if ledger := gateway.Ledger(); len(ledger) != 1 || ledger[0].OrderID != "pending" {
		t.Errorf("ledger: %+v, want the order that was pending alone", ledger)
	}
}

func TestReconcileReadsItsArguments(t *testing.T) {
	t.Parallel()
	rdb, _ := newOrder(t)
	service := payment.New(rdb, nil, newScripted())
	for _, wrong := range []payment.Reconcile{
		{OlderThan: time.Second}, {OlderThan: -time.Hour}, {Limit: -1}, {Limit: 10_001}, {Cursor: "nonsense"},
	} {
		if _, err := service.Reconcile(t.Context(), wrong); !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("%+v: %v, want ErrInvalid", wrong, err)
		}
	}
	want := payment.Reconcile{OlderThan: 90 * time.Second, Limit: 5, Cursor: "1:o"}
	data, err := json.Marshal(want)
	must(t, err)
	var got payment.Reconcile
	if err := json.Unmarshal(data, &got); err != nil || got != want ||
		string(data) != `{"older_than":"1m30s","limit":5,"cursor":"1:o"}` {
		t.Errorf("%s: read as %+v (%v)", data, got, err)
	}
	if err := json.Unmarshal([]byte(`{"older_than":"soon"}`), &got); err == nil {
		t.Error("read soon as a duration")
	}
}
