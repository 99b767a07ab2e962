package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
)

// Reasons why asking again cannot help; [ErrDeclined] is the third.
var (
	// ErrInvalid says that there is no order to charge: no ID, or an amount that is not above 0.
	ErrInvalid = errors.New("invalid charge")

	// ErrConflict says that the order's record is at odds with what was asked for or with what the gateway reports.
	ErrConflict = errors.New("conflict with the order's record")
)

// The lock outlasts the work under it, so that a holder whose gateway is slow has given up before another begins.
const (
	lockTTL   = 15 * time.Second
	workLimit = 12 * time.Second
)

var errTooSlow = fmt.Errorf("payment: the charge took longer than %s", workLimit)

// Service charges orders. It is safe for concurrent use and needs no closing.
type Service struct {
	locks   *lockmgr.Manager
	orders  orders
	gateway Gateway
}

// New returns a service that keeps orders and their locks in rdb and charges them at the gateway.
func New(rdb redis.UniversalClient, gateway Gateway) *Service {
	return &Service{locks: lockmgr.New(rdb), orders: orders{rdb: rdb}, gateway: gateway}
}

// Order returns an order's record, or [ErrNoOrder].
func (s *Service) Order(ctx context.Context, id string) (Order, error) { return s.orders.get(ctx, id) }

// Charge charges an order, or returns the receipt of the charge it was paid with before. It has 12 s.
// [lockmgr.ErrNotAcquired] says that the order is being charged elsewhere at this moment. [ErrInvalid], [ErrConflict]
// and [ErrDeclined] are final. After any other error call it again: the order is not charged twice.
func (s *Service) Charge(ctx context.Context, charge Charge) (Receipt, error) {
	if s.gateway == nil {
		return Receipt{}, errors.New("payment: no gateway given")
	}
	if err := charge.validate(); err != nil {
		return Receipt{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, workLimit, errTooSlow)
	defer cancel()
	lock, err := s.locks.TryAcquire(ctx, "payment:"+charge.OrderID, lockmgr.TTL(lockTTL))
	if err != nil {
		return Receipt{}, fmt.Errorf("payment: charge order %s: %w", charge.OrderID, err)
	}
	// Nothing to do about a lock that is lost or cannot be released: it ends by itself, and the record is what counts.
	defer func() { _ = lock.Release(ctx) }()

	pending := Order{ID: charge.OrderID, State: Pending, Cents: charge.Cents}
	order, err := s.orders.move(ctx, pending, Processing)
	switch {
	case err != nil:
		return Receipt{}, err
	case order.Cents != charge.Cents:
		return Receipt{}, fmt.Errorf("payment: order %s is for %d cents, not %d: %w",
			order.ID, order.Cents, charge.Cents, ErrConflict)
	case order.State == Processing: // by this call, or by an earlier one that did not live to record the answer
		return s.settle(ctx, order)
	}
	return order.receipt()
}

// settle asks the gateway about an order in processing and records the answer.
func (s *Service) settle(ctx context.Context, order Order) (Receipt, error) {
	receipt, err := s.gateway.Charge(ctx, ChargeRequest{
		IdempotencyKey: "charge:" + order.ID,
		OrderID:        order.ID,
		Cents:          order.Cents,
	})
	switch {
	case err == nil:
		order, err = s.orders.move(ctx, order, Paid, "charge", receipt.Charge)
	case errors.Is(err, ErrDeclined):
		order, err = s.orders.move(ctx, order, Failed, "failure", err.Error())
	default:
		err = fmt.Errorf("payment: charge order %s: %w", order.ID, err)
	}
	switch {
	case err != nil:
		return Receipt{}, err
	case receipt.Charge != "" && receipt.Charge != order.Charge:
		return Receipt{}, fmt.Errorf("payment: the gateway charged order %s as %s, its record (%s) says %q: %w",
			order.ID, receipt.Charge, order.State, order.Charge, ErrConflict)
	}
	return order.receipt()
}

// receipt is the answer for an order that has reached its end.
func (o Order) receipt() (Receipt, error) {
	switch o.State {
	case Paid:
		return Receipt{Charge: o.Charge, OrderID: o.ID, Cents: o.Cents}, nil
	case Failed:
		return Receipt{}, fmt.Errorf("payment: order %s failed: %w (%s)", o.ID, ErrDeclined, o.Failure)
	default:
		return Receipt{}, fmt.Errorf("payment: order %s is %s: %w", o.ID, o.State, ErrConflict)
	}
}
