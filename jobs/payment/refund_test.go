package payment_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/queue"
)

func TestRefundGivesTheMoneyBackOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := payment.New(b.rdb, b.store, gateway)
		charged, err := service.Charge(t.Context(), payment.Charge{OrderID: "o-1", Cents: 1999})
		must(t, err)
		first, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1", Cents: 1999, Reason: "broken"})
		want := payment.RefundReceipt{Refund: first.Refund, Charge: charged.Charge, OrderID: "o-1", Cents: 1999}
		if err != nil || first != want || first.Refund == "" {
			t.Fatalf("Refund: %+v (%v), want %+v", first, err, want)
		}
		again, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1", Reason: "asked again"})
		if err != nil || again != first {
			t.Errorf("Refund again: %+v (%v), want %+v", again, err, first)
		}
		wantOrder(t, service, payment.Order{
			ID: "o-1", State: payment.Refunded, Cents: 1999, Charge: charged.Charge, Refund: first.Refund, Reason: "broken",
		})
		if calls := gateway.refunds.Load(); calls != 1 {
			t.Errorf("the gateway was asked %d times", calls)
		}
		_, err = service.Charge(t.Context(), payment.Charge{OrderID: "o-1", Cents: 1999})
		if !errors.Is(err, payment.ErrConflict) || len(gateway.Ledger()) != 1 {
			t.Errorf("Charge of a refunded order: %v, want ErrConflict", err)
		}
	})
}

func TestRefundOfALostReplyIsAskedForAgain(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := payment.New(b.rdb, b.store, gateway)
		_, err := service.Charge(t.Context(), payment.Charge{OrderID: "o-1", Cents: 1999})
		must(t, err)
		replyLost := errors.New("reply lost")
		gateway.after = failsFirst(replyLost)
		if _, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1"}); !errors.Is(err, replyLost) {
			t.Errorf("first Refund: %v, want the gateway's error", err)
		}
		receipt, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1"})
		if err != nil {
			t.Errorf("second Refund: %v", err)
		}
		if refunds := gateway.Refunds(); len(refunds) != 1 || refunds[0] != receipt {
			t.Errorf("refunds: %+v, want %+v alone", refunds, receipt)
		}
	})
}

func TestWhatCannotBeRefundedIsRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := payment.New(b.rdb, b.store, gateway)
		for id, state := range map[string]payment.State{
			"pending": payment.Pending, "failed": payment.Failed, "paid": payment.Paid, "processing": payment.Processing,
		} {
			orderIn(t, b.store, id, state)
		}
		gateway.declines = true
		for _, test := range []struct {
			refund payment.Refund
			want   error
		}{
			{payment.Refund{}, payment.ErrInvalid},
			{payment.Refund{OrderID: "paid", Cents: -1}, payment.ErrInvalid},
			{payment.Refund{OrderID: "paid", Reason: strings.Repeat("x", 501)}, payment.ErrInvalid},
			{payment.Refund{OrderID: "none"}, payment.ErrNoOrder},
			{payment.Refund{OrderID: "pending"}, payment.ErrNotPaid},
			{payment.Refund{OrderID: "failed"}, payment.ErrNotPaid},
			{payment.Refund{OrderID: "paid", Cents: 499}, payment.ErrConflict},
			{payment.Refund{OrderID: "paid"}, payment.ErrRefundRefused},
		} {
			if _, err := service.Refund(t.Context(), test.refund); !errors.Is(err, test.want) {
				t.Errorf("Refund(%+v): %v, want %v", test.refund, err, test.want)
			}
		}
		_, err := service.Refund(t.Context(), payment.Refund{OrderID: "processing"})
		for _, final := range []error{payment.ErrNotPaid, payment.ErrConflict, payment.ErrInvalid} {
			if err == nil || errors.Is(err, final) {
				t.Errorf("Refund of an order in processing: %v, want an error that passes", err)
			}
		}
		if order, err := service.Order(t.Context(), "paid"); err != nil || order.State != payment.Paid {
			t.Errorf("order: %+v (%v), want it paid as before", order, err)
		}
	})
}

func TestARefundOfSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	service := payment.New(rdb, nil, wrong{payment.Receipt{Charge: "ch_1", OrderID: id, Cents: 500}})
	_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 500})
	must(t, err)
	if _, err := service.Refund(t.Context(), payment.Refund{OrderID: id}); !errors.Is(err, payment.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
}

func TestManyRefundsOfOneOrderGiveBackOnce(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	fleet, service := startFleet(t, rdb, gateway)
	receipt, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
	must(t, err)

	var jobs [8]string
	var all sync.WaitGroup
	for i := range jobs {
		all.Go(func() { jobs[i] = fleet.Enqueue(t, payment.Refund{OrderID: id, Reason: "broken"}) })
	}
	all.Wait()
	for _, job := range jobs {
		fleet.Await(t, func(e queue.Event) bool { return e.Job == job && e.Type == queue.EventDone })
		info, err := fleet.Inspector.Job(t.Context(), queue.DefaultQueue, job)
		var refund payment.RefundReceipt
		if err != nil || json.Unmarshal(info.Result, &refund) != nil || refund.Charge != receipt.Charge {
			t.Errorf("result: %s (%v)", info.Result, err)
		}
	}
	if refunds := gateway.Refunds(); len(refunds) != 1 {
		t.Errorf("refunds: %+v, want one", refunds)
	}
}

func TestRefundJobOfAnUnpaidOrderIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	fleet, _ := startFleet(t, rdb, newScripted())
	orderIn(t, payment.NewRedisStore(rdb), id, payment.Failed)
	ended := fleet.Run(t, payment.Refund{OrderID: id})
	if ended.Type != queue.EventDead || !errors.Is(ended.Err, payment.ErrNotPaid) ||
		fleet.Count(ended.Job, queue.EventFailed) != 0 {
		t.Errorf("ended as %s: %v", ended.Type, ended.Err)
	}
}
