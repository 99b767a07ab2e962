package payment_test

import (
	"errors"
	"testing"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
	"github.com/navvy-go/navvy/queue"
)

// simulated is a gateway that can hold money first.
func simulated(t *testing.T) *simgate.Client {
	t.Helper()
	server, err := simgate.NewServer(simgate.Simulation{})
	must(t, err)
	listener, err := server.Listen(t.Context(), "127.0.0.1:0")
	must(t, err)
	client, err := simgate.NewClient(listener.URL, 0)
	must(t, err)
	t.Cleanup(func() { client.Close(); must(t, listener.Close()) })
	return client
}

func TestMoneyIsHeldAndTakenLater(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		service := payment.New(b.rdb, b.store, simulated(t))
		charge := payment.Charge{OrderID: "o-1", Cents: 1999, Currency: "EUR", Capture: payment.CaptureLater}
		receipt, err := service.Charge(t.Context(), charge)
		if err != nil || !receipt.Authorized || receipt.Currency != "eur" {
			t.Fatalf("charge: %+v (%v)", receipt, err)
		}
		wantOrder(t, service, payment.Order{
			ID: "o-1", State: payment.Authorized, Cents: 1999, Charge: receipt.Charge, Currency: "eur", Capture: "later",
		})
		if again, err := service.Charge(t.Context(), charge); err != nil || again != receipt {
			t.Errorf("charge again: %+v (%v), want %+v", again, err, receipt)
		}
		if _, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1"}); !errors.Is(err, payment.ErrNotPaid) {
			t.Errorf("refund before the capture: %v, want ErrNotPaid", err)
		}
		for range 2 {
			taken, err := service.Capture(t.Context(), payment.Capture{OrderID: "o-1"})
			if err != nil || taken.Authorized || taken.Charge != receipt.Charge {
				t.Errorf("capture: %+v (%v)", taken, err)
			}
		}
		if _, err := service.Cancel(t.Context(), payment.Cancel{OrderID: "o-1"}); !errors.Is(err, payment.ErrConflict) {
			t.Errorf("cancel a paid order: %v, want ErrConflict", err)
		}
		_, err = service.Refund(t.Context(), payment.Refund{OrderID: "o-1"})
		must(t, err)
	})
}

func TestOrdersAreCancelledBeforeTheyArePaid(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := simulated(t)
		service := payment.New(b.rdb, b.store, gateway)
		orderIn(t, b.store, "pending", payment.Pending)
		orderIn(t, b.store, "failed", payment.Failed)
		orderIn(t, b.store, "processing", payment.Processing)
		held, err := service.Charge(t.Context(), payment.Charge{OrderID: "held", Cents: 500, Capture: payment.CaptureLater})
		must(t, err)
		for _, id := range []string{"pending", "failed", "held"} {
			for range 2 {
				order, err := service.Cancel(t.Context(), payment.Cancel{OrderID: id, Reason: "changed my mind"})
				if err != nil || order.State != payment.Cancelled || order.Reason != "changed my mind" {
					t.Errorf("%s: %+v (%v)", id, order, err)
				}
			}
			_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 500, Attempt: 2})
			if !errors.Is(err, payment.ErrConflict) {
				t.Errorf("charge %s, which is cancelled: %v, want ErrConflict", id, err)
			}
		}
		_, err = gateway.Capture(t.Context(), payment.CaptureRequest{
			IdempotencyKey: "k", OrderID: "held", Charge: held.Charge, Cents: 500,
		})
		if !errors.Is(err, payment.ErrDeclined) {
			t.Errorf("the money is still held: %v", err)
		}
		if _, err := service.Cancel(t.Context(), payment.Cancel{OrderID: "none"}); !errors.Is(err, payment.ErrNoOrder) {
			t.Errorf("no order: %v, want ErrNoOrder", err)
		}
		_, err = service.Cancel(t.Context(), payment.Cancel{OrderID: "processing"})
		if err == nil || errors.Is(err, payment.ErrConflict) {
			t.Errorf("processing: %v, want an error that passes", err)
		}
	})
}

func TestChargesRefuseWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	service := payment.New(rdb, nil, newScripted())
	for _, charge := range []payment.Charge{
		{Currency: "euro"}, {Currency: "€1"}, {Attempt: 1001}, {PaymentMethod: "a\nb"}, {Capture: "never"},
		{Capture: payment.CaptureLater}, // this gateway takes money at once
	} {
		charge.OrderID, charge.Cents = id, 500
		if _, err := service.Charge(t.Context(), charge); !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("%+v: got %v, want ErrInvalid", charge, err)
		}
	}
	_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 500, Attempt: 2})
	if !errors.Is(err, payment.ErrConflict) {
		t.Errorf("a second attempt of an order without a first: %v, want ErrConflict", err)
	}
	_, err = service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 500, Currency: "eur"})
	must(t, err)
	_, err = service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 500, Currency: "usd"})
	if !errors.Is(err, payment.ErrConflict) {
		t.Errorf("another currency: %v, want ErrConflict", err)
	}
}

func TestCaptureAndCancelAsJobs(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	fleet, service := startFleet(t, rdb, simulated(t))
	for _, test := range []struct {
		args queue.Args
		ends queue.EventType
		want payment.State
	}{
		{payment.Charge{OrderID: id, Cents: 500, Capture: payment.CaptureLater}, queue.EventDone, payment.Authorized},
		{payment.Capture{OrderID: id}, queue.EventDone, payment.Paid},
		{payment.Cancel{OrderID: id}, queue.EventDead, payment.Paid},
	} {
		ended := fleet.Run(t, test.args)
		order, err := service.Order(t.Context(), id)
		if ended.Type != test.ends || err != nil || order.State != test.want {
			t.Errorf("%s ended as %s (%v), order %+v (%v)", test.args.Kind(), ended.Type, ended.Err, order, err)
		}
	}
}
