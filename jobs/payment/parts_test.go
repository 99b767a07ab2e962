package payment_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/queue"
)

func paidOrder(t *testing.T, b bench, gateway payment.Gateway) *payment.Service {
	t.Helper()
	service := payment.New(b.rdb, b.store, gateway)
	_, err := service.Charge(t.Context(), payment.Charge{OrderID: "o-1", Cents: 1999})
	must(t, err)
	return service
}

func TestPartsAreGivenBackUpToTheCharge(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := paidOrder(t, b, gateway)
		for _, test := range []struct {
			refund payment.Refund
			cents  int64
			want   error
		}{
			{payment.Refund{Part: "shoes", Cents: 500}, 500, nil},
			{payment.Refund{Part: "shoes", Cents: 500}, 500, nil},                  // again
			{payment.Refund{Part: "shoes"}, 500, nil},                              // again
			{payment.Refund{Part: "shoes", Cents: 400}, 0, payment.ErrConflict},    // another amount
			{payment.Refund{Part: "hat", Cents: 1500}, 0, payment.ErrConflict},     // more than is left
			{payment.Refund{Cents: 1999}, 0, payment.ErrConflict},                  // as above
			{payment.Refund{Cents: 700}, 0, payment.ErrConflict},                   // without a name
			{payment.Refund{Part: "a:b", Cents: 1}, 0, payment.ErrInvalid},         // keys would meet
			{payment.Refund{Part: strings.Repeat("x", 41)}, 0, payment.ErrInvalid}, // too long
			{payment.Refund{Part: "hat", Cents: 1000, Reason: "too large"}, 1000, nil},
			{payment.Refund{Reason: "and all the rest"}, 499, nil},
			{payment.Refund{}, 499, nil}, // again
			{payment.Refund{Part: "coat", Cents: 1}, 0, payment.ErrConflict},
		} {
			test.refund.OrderID = "o-1"
			receipt, err := service.Refund(t.Context(), test.refund)
			if !errors.Is(err, test.want) || receipt.Cents != test.cents || receipt.Part != test.refund.Part && err == nil {
				t.Errorf("%+v: got %+v (%v), want %d cents (%v)", test.refund, receipt, err, test.cents, test.want)
			}
		}
		order, err := service.Order(t.Context(), "o-1")
		refunds := order.Refunds()
		if err != nil || order.State != payment.Refunded || len(refunds) != 3 || order.Reason != "and all the rest" {
			t.Errorf("order: %+v (%v), refunds %+v", order, err, refunds)
		}
		if given := gateway.Refunds(); len(given) != 3 {
			t.Errorf("the gateway gave %+v, want three", given)
		}
	})
}

// A part that the gateway gave and nobody recorded still counts.
func TestAPartOfALostReplyCountsAndIsAskedForAgain(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := paidOrder(t, b, gateway)
		lost := errors.New("lost")
		gateway.after = failsFirst(lost)
		first := payment.Refund{OrderID: "o-1", Part: "first", Cents: 1500}
		if _, err := service.Refund(t.Context(), first); !errors.Is(err, lost) {
			t.Errorf("got %v, want the gateway's error", err)
		}
		_, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1", Part: "second", Cents: 500})
		if !errors.Is(err, payment.ErrConflict) {
			t.Errorf("a part beyond the charge: got %v, want ErrConflict", err)
		}
		if receipt, err := service.Refund(t.Context(), first); err != nil || receipt.Refund == "" {
			t.Errorf("again: %+v (%v)", receipt, err)
		}
		if given := gateway.Refunds(); len(given) != 1 {
			t.Errorf("the gateway gave %+v, want one", given)
		}
	})
}

func TestAPartThatIsRefusedLeavesRoomForAnother(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := paidOrder(t, b, gateway)
		gateway.declines = true
		_, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1", Part: "first", Cents: 1500})
		order, getErr := service.Order(t.Context(), "o-1")
		if !errors.Is(err, payment.ErrRefundRefused) || getErr != nil || order.State != payment.Paid ||
			!strings.Contains(order.Failure, "too late") || len(order.Refunds()) != 0 {
			t.Errorf("refused: %v, order %+v (%v)", err, order, getErr)
		}
		gateway.declines = false
		if _, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1"}); err != nil {
			t.Errorf("the whole after it: %v", err)
		}
	})
}

func TestManyPartsAtOnceStayWithinTheCharge(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	fleet, service := startFleet(t, rdb, gateway)
	_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
	must(t, err)
	jobs := make([]string, 8)
	var all sync.WaitGroup
	for i := range jobs {
		all.Go(func() { jobs[i] = fleet.Enqueue(t, payment.Refund{OrderID: id, Cents: 500}) }) // named by the job
	}
	all.Wait()
	done := 0
	for _, job := range jobs {
		ended := fleet.Await(t, func(e queue.Event) bool {
			return e.Job == job && (e.Type == queue.EventDone || e.Type == queue.EventDead)
		})
		if ended.Type == queue.EventDone {
			done++
		} else if !errors.Is(ended.Err, payment.ErrConflict) {
			t.Errorf("ended as %s: %v", ended.Type, ended.Err)
		}
	}
	if given := gateway.Refunds(); done != 3 || len(given) != 3 {
		t.Errorf("%d jobs are done and the gateway gave %+v, want three of 500 cents of 1999", done, given)
	}
}

func TestAnOrderHasABoundedNumberOfParts(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	service := payment.New(rdb, nil, newScripted())
	_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
	must(t, err)
	for i := range 100 {
		_, err := service.Refund(t.Context(), payment.Refund{OrderID: id, Part: fmt.Sprint(i), Cents: 1})
		must(t, err)
	}
	_, err = service.Refund(t.Context(), payment.Refund{OrderID: id, Part: "one more", Cents: 1})
	if !errors.Is(err, payment.ErrInvalid) {
		t.Errorf("a name with spaces: got %v, want ErrInvalid", err)
	}
	_, err = service.Refund(t.Context(), payment.Refund{OrderID: id, Part: "more", Cents: 1})
	if !errors.Is(err, payment.ErrConflict) {
		t.Errorf("one part more: got %v, want ErrConflict", err)
	}
}
