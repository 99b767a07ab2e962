package payment_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
	"github.com/navvy-go/navvy/queue"
)

const (
	faultOrders   = 50
	faultChargers = 3
)

func orderID(i int) string { return fmt.Sprintf("o-%02d", i) }

// startGateway runs a gateway that fails one call in five before it charges, and leaves one in five without an answer
// after it charged.
func startGateway(t *testing.T) (*simgate.Server, *simgate.Client) {
	t.Helper()
	server, err := simgate.NewServer(simgate.Simulation{Failures: 0.2, Timeouts: 0.2, Seed: 42})
	must(t, err)
	listener, err := server.Listen(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, listener.Close()) })
	client, err := simgate.NewClient(listener.URL, 300*time.Millisecond)
	must(t, err)
	t.Cleanup(client.Close)
	return server, client
}

// vandal takes away the lock of some order before every other charge.
type vandal struct {
	payment.Gateway
	rdb redis.UniversalClient
}

func (v vandal) Charge(ctx context.Context, request payment.ChargeRequest) (payment.Receipt, error) {
	if rand.IntN(2) == 0 {
		v.rdb.Del(ctx, "lock:payment:"+orderID(rand.IntN(faultOrders)), "lock:payment:"+request.OrderID)
	}
	return v.Gateway.Charge(ctx, request)
}

// wantEachOnce checks that the gateway holds one charge of each order, and the order's record that very charge.
func wantEachOnce(t *testing.T, server *simgate.Server, store payment.Store) {
	t.Helper()
	charged := map[string]string{}
	for _, receipt := range server.Ledger().Charges {
		if other, twice := charged[receipt.OrderID]; twice {
			t.Errorf("%s was charged as %s and as %s", receipt.OrderID, other, receipt.Charge)
		}
		charged[receipt.OrderID] = receipt.Charge
	}
	for i := range faultOrders {
		order, err := store.Get(t.Context(), orderID(i))
		if err != nil || order.State != payment.Paid || order.Charge != charged[order.ID] {
			t.Errorf("order: %+v (%v), want it paid with %q", order, err, charged[order.ID])
		}
	}
	left, _, err := store.Stuck(t.Context(), time.Now().Add(time.Hour), "", 100)
	if err != nil || len(left) != 0 {
		t.Errorf("left in processing: %+v (%v)", left, err)
	}
	if counts := server.Ledger().Counts; counts.Unanswered == 0 || counts.Failed == 0 {
		t.Errorf("the gateway's faults did not happen: %+v", counts)
	}
}

// Three processes charge the same fifty orders at the same time. The gateway fails, before and after it charged; locks
// vanish under their holders. Each order is charged once and ends paid, whatever the store.
func TestFaultsChargeEachOrderOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		server, client := startGateway(t)
		var all sync.WaitGroup
		for range faultChargers {
			service := payment.New(b.rdb, b.store, vandal{client, b.rdb})
			for _, i := range rand.Perm(faultOrders) {
				all.Go(func() { chargeUntilPaid(t, service, orderID(i)) })
			}
		}
		all.Wait()
		wantEachOnce(t, server, b.store)
	})
}

// chargeUntilPaid asks again after each error that passes, as a worker does.
func chargeUntilPaid(t *testing.T, service *payment.Service, id string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		receipt, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
		final := errors.Is(err, payment.ErrConflict) || errors.Is(err, payment.ErrDeclined) ||
			errors.Is(err, payment.ErrInvalid)
		switch {
		case err == nil && receipt.OrderID == id:
			return
		case err == nil, final:
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

// The same by jobs: each order is enqueued three times, and every job ends done.
func TestJobsWithFaultsChargeEachOrderOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		server, client := startGateway(t)
		mux := queue.NewMux()
		payment.New(b.rdb, b.store, client).Register(mux)
		fleet := jobtest.Start(t, b.rdb, mux, nil)
		var jobs []string
		for range faultChargers {
			for _, i := range rand.Perm(faultOrders) {
				charge := payment.Charge{OrderID: orderID(i), Cents: 1999}
				jobs = append(jobs, fleet.Enqueue(t, charge, queue.Backoff(time.Millisecond, 50*time.Millisecond)))
			}
		}
		ended := func() map[string]queue.EventType {
			types := map[string]queue.EventType{}
			for _, e := range fleet.Events() {
				if e.Type == queue.EventDone || e.Type == queue.EventDead {
					types[e.Job] = e.Type
				}
			}
			return types
		}
		eventually(t, func() bool { return len(ended()) == len(jobs) })
		for job, eventType := range ended() {
			if eventType != queue.EventDone {
				t.Errorf("job %s ended as %s", job, eventType)
			}
		}
		wantEachOnce(t, server, b.store)
	})
}
