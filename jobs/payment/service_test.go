package payment_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/lockmgr"
)

// newOrder returns a Redis client and the ID of an order that no other test has.
func newOrder(t *testing.T) (*redis.Client, string) {
	t.Helper()
	return redistest.Shared(t).Client(t), "o-" + redistest.Namespace()
}

// wantOrder compares all but the token and the time.
func wantOrder(t *testing.T, service *payment.Service, want payment.Order) {
	t.Helper()
	got, err := service.Order(t.Context(), want.ID)
	got.Token, got.UpdatedAt = 0, time.Time{}
	if err != nil || got != want {
		t.Errorf("order: got %+v (%v), want %+v", got, err, want)
	}
}

// failsFirst is an answer that is lost after the first charge.
func failsFirst(err error) func(int64) error {
	return func(call int64) error {
		if call == 1 {
			return err
		}
		return nil
	}
}

func TestChargePaysAnOrderThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		service := payment.New(b.rdb, b.store, gateway)
		charge := payment.Charge{OrderID: "o-1", Cents: 1999}
		first, err := service.Charge(t.Context(), charge)
		if err != nil || first.Charge == "" || first.OrderID != "o-1" || first.Cents != 1999 {
			t.Fatalf("Charge: %+v (%v)", first, err)
		}
		wantOrder(t, service, payment.Order{ID: "o-1", State: payment.Paid, Cents: 1999, Charge: first.Charge})
		if n := b.rdb.Exists(t.Context(), "lock:payment:o-1").Val(); n != 0 {
			t.Errorf("the lock is still held")
		}
		second, err := service.Charge(t.Context(), charge)
		if err != nil || second != first {
			t.Errorf("second Charge: got %+v (%v), want %+v", second, err, first)
		}
		if calls := gateway.calls.Load(); calls != 1 {
			t.Errorf("the gateway was asked %d times", calls)
		}
	})
}

func TestOrdersInRedisAreTheApplications(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	service := payment.New(rdb, nil, gateway)
	rdb.HSet(t.Context(), "order:"+id, "state", "pending", "cents", 700, "customer", "c-1")

	_, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 800})
	if !errors.Is(err, payment.ErrConflict) {
		t.Errorf("another amount: got %v, want ErrConflict", err)
	}
	wantOrder(t, service, payment.Order{ID: id, State: payment.Pending, Cents: 700})
	if gateway.calls.Load() != 0 {
		t.Error("the gateway was asked for another amount")
	}
	receipt, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 700})
	if err != nil {
		t.Fatalf("Charge: %v", err)
	}
	fields := rdb.HGetAll(t.Context(), "order:"+id).Val()
	if fields["customer"] != "c-1" || fields["state"] != "paid" || fields["cents"] != "700" ||
		fields["charge"] != receipt.Charge {
		t.Errorf("order:%s holds %v", id, fields)
	}
	if at, err := time.Parse(time.RFC3339, fields["updated_at"]); err != nil || time.Since(at) > time.Minute {
		t.Errorf("updated_at is %q (%v)", fields["updated_at"], err)
	}
	if rdb.ZScore(t.Context(), "orders:processing", id).Err() != redis.Nil {
		t.Error("the order is still in orders:processing")
	}
}

func TestAnOrderLeftInProcessingIsNotChargedAgain(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		replyLost := errors.New("connection reset")
		gateway := newScripted()
		gateway.after = failsFirst(replyLost)
		gateway.forgets = true // its keys; that it was charged is still to be found
		service := payment.New(b.rdb, b.store, gateway)
		charge := payment.Charge{OrderID: "o-1", Cents: 1999}

		if _, err := service.Charge(t.Context(), charge); !errors.Is(err, replyLost) {
			t.Fatalf("first Charge: got %v, want the gateway's error", err)
		}
		wantOrder(t, service, payment.Order{ID: "o-1", State: payment.Processing, Cents: 1999})
		receipt, err := service.Charge(t.Context(), charge)
		if err != nil {
			t.Fatalf("second Charge: %v", err)
		}
		wantOrder(t, service, payment.Order{ID: "o-1", State: payment.Paid, Cents: 1999, Charge: receipt.Charge})
		if ledger := gateway.Ledger(); len(ledger) != 1 || ledger[0] != receipt {
			t.Errorf("ledger: %+v, want %+v alone", ledger, receipt)
		}
	})
}

func TestADeclinedCardIsFinal(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		gateway.declines, gateway.words = true, "no funds\x00\xff "+strings.Repeat("ä", 500)
		service := payment.New(b.rdb, b.store, gateway)
		for range 2 {
			_, err := service.Charge(t.Context(), payment.Charge{OrderID: "o-1", Cents: 1})
			if !errors.Is(err, payment.ErrDeclined) || !strings.Contains(err.Error(), "no funds") {
				t.Fatalf("Charge: got %v, want ErrDeclined", err)
			}
		}
		order, err := service.Order(t.Context(), "o-1")
		if err != nil || order.State != payment.Failed || !strings.Contains(order.Failure, "no funds") {
			t.Errorf("order: %+v (%v), want it failed with the reason", order, err)
		}
		if calls := gateway.calls.Load(); calls != 1 {
			t.Errorf("the gateway was asked %d times", calls)
		}
	})
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
	service := payment.New(rdb, nil, gateway)
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

// The paused holder: A is stopped before the gateway and its lock ends; B takes over with a higher token and pays.
// A wakes: the gateway gives it B's charge, and the store refuses what it writes.
func TestAPausedHoldersLateMoveIsRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		paused, proceed := make(chan struct{}), make(chan struct{})
		gateway.before = func(_ context.Context, call int64) error {
			if call == 1 {
				close(paused)
				<-proceed
			}
			return nil
		}
		service := payment.New(b.rdb, b.store, gateway)
		charge := payment.Charge{OrderID: "o-1", Cents: 1999}
		var late sync.WaitGroup
		late.Go(func() {
			if _, err := service.Charge(t.Context(), charge); !errors.Is(err, payment.ErrFenced) {
				t.Errorf("the late holder's Charge: %v, want ErrFenced", err)
			}
		})
		<-paused
		before, err := service.Order(t.Context(), "o-1")
		must(t, err)
		must(t, b.rdb.Del(t.Context(), "lock:payment:o-1").Err()) // as at the end of its TTL
		receipt, err := service.Charge(t.Context(), charge)
		if err != nil {
			t.Errorf("the successor's Charge: %v", err)
		}
		paid, err := service.Order(t.Context(), "o-1")
		if err != nil || paid.State != payment.Paid || paid.Token <= before.Token {
			t.Errorf("order: %+v (%v), want it paid with a token above %d", paid, err, before.Token)
		}
		close(proceed)
		late.Wait()
		if after, err := service.Order(t.Context(), "o-1"); err != nil || after != paid {
			t.Errorf("order: %+v (%v) after the late write, want %+v", after, err, paid)
		}
		if ledger := gateway.Ledger(); len(ledger) != 1 || ledger[0] != receipt {
			t.Errorf("ledger: %+v, want %+v alone", ledger, receipt)
		}
	})
}

func TestAHoldersContextEndsWithItsLock(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	gateway.before = func(ctx context.Context, _ int64) error {
		rdb.Del(ctx, "lock:payment:"+id)
		<-ctx.Done() // when the lock cannot be renewed
		return context.Cause(ctx)
	}
	_, err := payment.New(rdb, nil, gateway).Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
	if !errors.Is(err, lockmgr.ErrLockLost) {
		t.Errorf("got %v, want ErrLockLost", err)
	}
}

// A gateway that does not honour the key charges a paused holder and its successor: a person must know.
func TestASecondChargeByABrokenGatewayIsReported(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b bench) {
		gateway := newScripted()
		gateway.forgets = true
		service := payment.New(b.rdb, b.store, gateway)
		charge := payment.Charge{OrderID: "o-1", Cents: 1999}
		gateway.before = func(ctx context.Context, call int64) error {
			if call > 1 {
				return nil
			}
			b.rdb.Del(ctx, "lock:payment:o-1")
			_, err := service.Charge(ctx, charge)
			return err
		}
		if _, err := service.Charge(t.Context(), charge); !errors.Is(err, payment.ErrConflict) {
			t.Errorf("got %v, want ErrConflict", err)
		}
	})
}

func TestAReceiptOfSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	for name, receipt := range map[string]payment.Receipt{
		"amount": {Charge: "ch_1", OrderID: id, Cents: 1},
		"order":  {Charge: "ch_1", OrderID: "another", Cents: 1999},
		"charge": {OrderID: id, Cents: 1999},
	} {
		_, err := payment.New(rdb, nil, wrong{receipt}).Charge(t.Context(), payment.Charge{OrderID: id, Cents: 1999})
		if !errors.Is(err, payment.ErrConflict) && !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("another %s: got %v, want a final error", name, err)
		}
		order, err := payment.New(rdb, nil, nil).Order(t.Context(), id)
		if err != nil || order.State != payment.Processing {
			t.Errorf("another %s: order %+v (%v), want it left in processing", name, order, err)
		}
	}
}

// wrong is a gateway that gives everybody the same receipt.
type wrong struct{ receipt payment.Receipt }

func (w wrong) Charge(context.Context, payment.ChargeRequest) (payment.Receipt, error) {
	return w.receipt, nil
}

func (w wrong) Lookup(context.Context, payment.ChargeRequest) (payment.Receipt, error) {
	return w.receipt, nil
}

func (w wrong) Refund(context.Context, payment.RefundRequest) (payment.RefundReceipt, error) {
	return payment.RefundReceipt{Refund: "re_1", Charge: w.receipt.Charge, Cents: w.receipt.Cents + 1}, nil
}

func TestWhatCannotBeChargedIsRefused(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	service := payment.New(rdb, nil, gateway)
	wrong := []payment.Charge{{Cents: 5}, {OrderID: id}, {OrderID: id, Cents: -5}}
	for _, id := range []string{strings.Repeat("x", 201), "a\x00b", "a\nb", "a\xff",
		"a}b"} { // the last could have no lock
		wrong = append(wrong, payment.Charge{OrderID: id, Cents: 5})
	}
	for _, charge := range wrong {
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
	service := payment.New(rdb, nil, nil)
	if _, err := service.Charge(t.Context(), payment.Charge{OrderID: id, Cents: 5}); err == nil {
		t.Error("Charge: no error")
	}
	if _, err := service.Order(t.Context(), id); !errors.Is(err, payment.ErrNoOrder) {
		t.Errorf("an order was made: %v", err)
	}
}
