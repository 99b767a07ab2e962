package payment_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/lockmgr"
)

// scripted is a gateway that counts its calls and lets a test decide what becomes of each, with the simulated gateway
// and its ledger behind it.
type scripted struct {
	*payment.SimulatedGateway
	calls  atomic.Int64
	before func(ctx context.Context, call int64) error // nil, or its error is the answer and nothing is charged
	after  func(call int64) error                      // nil, or its error is the answer although it was charged
}

func (g *scripted) Charge(ctx context.Context, request payment.ChargeRequest) (payment.Receipt, error) {
	call := g.calls.Add(1)
	if g.before != nil {
		if err := g.before(ctx, call); err != nil {
			return payment.Receipt{}, err
		}
	}
	receipt, err := g.SimulatedGateway.Charge(ctx, request)
	if g.after != nil && err == nil {
		if err := g.after(call); err != nil {
			return payment.Receipt{}, err
		}
	}
	return receipt, err
}

func newScripted() *scripted {
	return &scripted{SimulatedGateway: payment.NewSimulatedGateway(payment.Simulation{})}
}

// newOrder returns a Redis client and the ID of an order that no other test has.
func newOrder(t *testing.T) (*redis.Client, string) {
	t.Helper()
	return redistest.Shared(t).Client(t), "o-" + redistest.Namespace()
}

func wantOrder(t *testing.T, service *payment.Service, want payment.Order) {
	t.Helper()
	got, err := service.Order(t.Context(), want.ID)
	if err != nil || got != want {
		t.Errorf("order: got %+v (%v), want %+v", got, err, want)
	}
}

func TestChargePaysAnOrderThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	service := payment.New(rdb, gateway)

	receipt, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
	if err != nil {
		t.Fatalf("Charge: %v", err)
	}
	if receipt.Charge == "" || receipt.OrderID != id || receipt.Cents != 1999 {
		t.Errorf("receipt: %+v", receipt)
	}
	wantOrder(t, service, payment.Order{ID: id, State: payment.Paid, Cents: 1999, Charge: receipt.Charge})
	fields := rdb.HGetAll(t.Context(), "order:"+id).Val()
	if fields["state"] != "paid" || fields["cents"] != "1999" || fields["charge"] != receipt.Charge {
		t.Errorf("order:%s holds %v", id, fields)
	}
	if at, err := time.Parse(time.RFC3339, fields["updated_at"]); err != nil || time.Since(at) > time.Minute {
		t.Errorf("updated_at is %q (%v)", fields["updated_at"], err)
	}
	if n := rdb.Exists(t.Context(), "lock:payment:"+id).Val(); n != 0 {
		t.Errorf("the lock is still held")
	}
}

func TestChargePaysAnOrderThatAnApplicationWrote(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	service := payment.New(rdb, gateway)
	rdb.HSet(t.Context(), "order:"+id, "state", "pending", "cents", 700, "customer", "c-1")

	_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 800})
	if !errors.Is(err, payment.ErrConflict) {
		t.Errorf("another amount: got %v, want ErrConflict", err)
	}
	wantOrder(t, service, payment.Order{ID: id, State: payment.Pending, Cents: 700})
	if gateway.calls.Load() != 0 {
		t.Error("the gateway was asked for another amount")
	}
	if _, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 700}); err != nil {
		t.Errorf("Charge: %v", err)
	}
	if customer := rdb.HGet(t.Context(), "order:"+id, "customer").Val(); customer != "c-1" {
		t.Errorf("the application's own field is now %q", customer)
	}
}

func TestAnOrderThatIsPaidIsNotBroughtToTheGatewayAgain(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	service := payment.New(rdb, gateway)
	charge := payment.Charge{OrderID: id, Cents: 1999}

	first, err := service.Charge(t.Context(), charge)
	if err != nil {
		t.Fatalf("Charge: %v", err)
	}
	second, err := service.Charge(t.Context(), charge)
	if err != nil || second != first {
		t.Errorf("second Charge: got %+v (%v), want %+v", second, err, first)
	}
	if calls := gateway.calls.Load(); calls != 1 {
		t.Errorf("the gateway was asked %d times", calls)
	}
}

func TestAnOrderLeftInProcessingIsAskedForWithTheSameKey(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	replyLost := errors.New("connection reset")
	gateway.after = func(call int64) error {
		if call == 1 {
			return replyLost
		}
		return nil
	}
	service := payment.New(rdb, gateway)
	charge := payment.Charge{OrderID: id, Cents: 1999}

	if _, err := service.Charge(t.Context(), charge); !errors.Is(err, replyLost) {
		t.Fatalf("first Charge: got %v, want the gateway's error", err)
	}
	wantOrder(t, service, payment.Order{ID: id, State: payment.Processing, Cents: 1999})
	receipt, err := service.Charge(t.Context(), charge)
	if err != nil {
		t.Fatalf("second Charge: %v", err)
	}
	wantOrder(t, service, payment.Order{ID: id, State: payment.Paid, Cents: 1999, Charge: receipt.Charge})
	if ledger := gateway.Ledger(); len(ledger) != 1 || ledger[0] != receipt {
		t.Errorf("ledger: %+v, want %+v alone", ledger, receipt)
	}
}

func TestADeclinedCardIsFinal(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	declines := func(payment.ChargeRequest) bool { return true }
	gateway := newScripted()
	gateway.SimulatedGateway = payment.NewSimulatedGateway(payment.Simulation{Declines: declines})
	service := payment.New(rdb, gateway)

	for range 2 {
		_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1})
		if !errors.Is(err, payment.ErrDeclined) {
			t.Fatalf("Charge: got %v, want ErrDeclined", err)
		}
	}
	order, err := service.Order(t.Context(), id)
	if err != nil || order.State != payment.Failed || order.Failure == "" {
		t.Errorf("order: %+v (%v), want it failed with a reason", order, err)
	}
	if calls := gateway.calls.Load(); calls != 1 {
		t.Errorf("the gateway was asked %d times", calls)
	}
	if ledger := gateway.Ledger(); len(ledger) != 0 {
		t.Errorf("ledger: %+v, want none", ledger)
	}
}

func TestConcurrentChargesOfOneOrderAskTheGatewayOnce(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	inside, proceed := make(chan struct{}), make(chan struct{})
	gateway.before = func(context.Context, int64) error {
		close(inside) // a second call panics here
		<-proceed
		return nil
	}
	service := payment.New(rdb, gateway)
	charge := payment.Charge{OrderID: id, Cents: 1999}

	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := service.Charge(t.Context(), charge); err != nil {
			t.Errorf("the holder's Charge: %v", err)
		}
	})
	<-inside
	var others sync.WaitGroup
	for range 10 {
		others.Go(func() {
			if _, err := service.Charge(t.Context(), charge); !errors.Is(err, lockmgr.ErrNotAcquired) {
				t.Errorf("another's Charge: got %v, want ErrNotAcquired", err)
			}
		})
	}
	others.Wait()
	close(proceed)
	wg.Wait()
	if _, err := service.Charge(t.Context(), charge); err != nil {
		t.Errorf("Charge after the holder: %v", err)
	}
}

// A holder may be paused past its lock: the state and the idempotency key must then do without it.
func TestAHolderThatLostItsLockAgreesWithItsSuccessor(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	paused, proceed := make(chan struct{}), make(chan struct{})
	gateway.before = func(_ context.Context, call int64) error {
		if call == 1 {
			close(paused)
			<-proceed
		}
		return nil
	}
	service := payment.New(rdb, gateway)
	charge := payment.Charge{OrderID: id, Cents: 1999}

	var late payment.Receipt
	var wg sync.WaitGroup
	wg.Go(func() {
		var err error
		if late, err = service.Charge(t.Context(), charge); err != nil {
			t.Errorf("the late holder's Charge: %v", err)
		}
	})
	<-paused
	rdb.Del(t.Context(), "lock:payment:"+id)
	receipt, err := service.Charge(t.Context(), charge)
	if err != nil {
		t.Errorf("the successor's Charge: %v", err)
	}
	close(proceed)
	wg.Wait()
	if late != receipt {
		t.Errorf("late receipt %+v, successor's %+v", late, receipt)
	}
	if ledger := gateway.Ledger(); len(ledger) != 1 {
		t.Errorf("ledger: %+v, want one charge", ledger)
	}
	wantOrder(t, service, payment.Order{ID: id, State: payment.Paid, Cents: 1999, Charge: receipt.Charge})
}

func TestASecondChargeByABrokenGatewayIsReported(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	gateway.before = func(ctx context.Context, _ int64) error {
		return rdb.HSet(ctx, "order:"+id, "state", "paid", "charge", "ch_other").Err()
	}
	_, err := payment.New(rdb, gateway).Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
	if !errors.Is(err, payment.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
}

func TestWhatCannotBeChargedIsRefused(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	service := payment.New(rdb, gateway)
	for _, charge := range []payment.Charge{{Cents: 5}, {OrderID: id}, {OrderID: id, Cents: -5}} {
		if _, err := service.Charge(t.Context(), charge); !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("Charge(%+v): got %v, want ErrInvalid", charge, err)
		}
	}
	if _, err := service.Order(t.Context(), id); !errors.Is(err, payment.ErrNoOrder) {
		t.Errorf("an order was made: %v", err)
	}
	for _, fields := range [][]any{{"state", "refunded", "cents", 5}, {"state", "pending", "cents", "5.00"}} {
		rdb.Del(t.Context(), "order:"+id)
		rdb.HSet(t.Context(), "order:"+id, fields...)
		_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 5})
		if !errors.Is(err, payment.ErrConflict) {
			t.Errorf("Charge of an order with %v: got %v, want ErrConflict", fields, err)
		}
	}
	if calls := gateway.calls.Load(); calls != 0 {
		t.Errorf("the gateway was asked %d times", calls)
	}
}

func TestWithoutAGatewayAnOrderStaysAsItIs(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	service := payment.New(rdb, nil)
	if _, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 5}); err == nil {
		t.Error("Charge: no error")
	}
	if _, err := service.Order(t.Context(), id); !errors.Is(err, payment.ErrNoOrder) {
		t.Errorf("an order was made: %v", err)
	}
}
