package payment_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
)

const (
	faultOrders   = 50
	faultChargers = 3
)

// Three processes charge the same fifty orders at the same time. The gateway fails, half the time after it charged;
// locks vanish under their holders. Each order is charged once and ends paid, whatever the store.
func TestFaultsChargeEachOrderOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		fault := func() error {
			if rand.Float64() < 0.2 {
				return errors.New("timed out")
			}
			return nil
		}
		gateway.before = func(ctx context.Context, _ int64) error {
			if id := orderID(rand.IntN(faultOrders)); rand.Float64() < 0.3 {
				b.rdb.Del(ctx, "lock:payment:"+id)
			}
			return fault()
		}
		gateway.after = func(int64) error { return fault() }

		var all sync.WaitGroup
		for range faultChargers {
			service := payment.New(b.rdb, b.store, gateway)
			for _, i := range rand.Perm(faultOrders) {
				all.Go(func() { chargeUntilPaid(t, service, orderID(i)) })
			}
		}
		all.Wait()
		charged := map[string]string{}
		for _, receipt := range gateway.Ledger() {
			if other, twice := charged[receipt.OrderID]; twice {
				t.Errorf("%s was charged as %s and as %s", receipt.OrderID, other, receipt.Charge)
			}
			charged[receipt.OrderID] = receipt.Charge
		}
		for i := range faultOrders {
			order, err := b.store.Get(t.Context(), orderID(i))
			if err != nil || order.State != payment.Paid || order.Charge != charged[order.ID] {
				t.Errorf("order: %+v (%v), want it paid with %q", order, err, charged[order.ID])
			}
		}
		if left, _, err := b.store.Stuck(t.Context(), time.Now().Add(time.Hour), "", 100); err != nil || len(left) != 0 {
			t.Errorf("left in processing: %+v (%v)", left, err)
		}
	})
}

func orderID(i int) string { return fmt.Sprintf("o-%02d", i) }

// chargeUntilPaid asks again after each error that passes, as a worker does.
func chargeUntilPaid(t *testing.T, service *payment.Service, id string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		receipt, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
		switch {
		case err == nil && receipt.OrderID == id:
			return
		case err == nil, errors.Is(err, payment.ErrConflict), errors.Is(err, payment.ErrDeclined), errors.Is(err, payment.ErrInvalid):
			t.Errorf("%s: receipt %+v, %v", id, receipt, err)
			return
		}
		select {
		case <-t.Context().Done():
			return
		case <-tick.C:
		}
	}
}
