package payment

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/navvy-go/navvy/queue"
)

// Charge is the job payment.charge: it charges one order.
type Charge struct {
	OrderID string `json:"order_id"` // up to 200 bytes
	Cents   int64  `json:"cents"`    // above 0
}

// Kind returns "payment.charge".
func (Charge) Kind() string { return "payment.charge" }

// UnmarshalJSON takes cents as a number or as a string of digits: in an entry that another program wrote to a raw
// stream every field is a string.
func (c *Charge) UnmarshalJSON(data []byte) error {
	var wire struct {
		OrderID string      `json:"order_id"`
		Cents   json.Number `json:"cents"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*c = Charge{OrderID: wire.OrderID}
	if wire.Cents == "" {
		return nil
	}
	cents, err := wire.Cents.Int64()
	if err != nil {
		return fmt.Errorf("cents: %w", err)
	}
	c.Cents = cents
	return nil
}

// Charge charges an order, or returns the receipt of the charge it was paid with before. It has 12 s.
// [lockmgr.ErrNotAcquired], [ErrFenced] and [ErrStale] say that the order is in other hands at this moment.
// [ErrInvalid], [ErrConflict] and [ErrDeclined] are final. After any other error call it again: the order is not
// charged twice.
func (s *Service) Charge(ctx context.Context, charge Charge) (Receipt, error) {
	if err := checkOrder(charge.OrderID, charge.Cents); err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err := s.alone(ctx, charge.OrderID, func(ctx context.Context, token uint64) error {
		order, err := s.orders.Create(ctx, charge.OrderID, charge.Cents)
		if err == nil && order.Cents != charge.Cents {
			err = fmt.Errorf("payment: order %s is for %d cents, not %d: %w", order.ID, order.Cents, charge.Cents, ErrConflict)
		}
		if err == nil && (order.State == Pending || order.State == Processing) {
			order, err = s.pay(ctx, order, token)
		}
		if err == nil {
			receipt, err = order.receipt()
		}
		return err
	})
	return receipt, err
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

func (s *Service) handleCharge(ctx context.Context, job *queue.Job[Charge]) error {
	receipt, err := s.Charge(ctx, job.Args)
	if err != nil {
		return outcome(err)
	}
	return job.SetResult(receipt)
}
