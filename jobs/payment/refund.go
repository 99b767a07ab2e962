package payment

import (
	"context"
	"fmt"

	"github.com/navvy-go/navvy/queue"
)

// Refund is the job payment.refund: it gives back what an order was paid with, all of it.
type Refund struct {
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents,omitempty"`  // what was paid, as a check; 0 for no check. A part is refused
	Reason  string `json:"reason,omitempty"` // kept in the order's record, up to 500 bytes
}

// Kind returns "payment.refund".
func (Refund) Kind() string { return "payment.refund" }

func (r Refund) validate() error {
	switch {
	case r.Cents < 0:
		return fmt.Errorf("payment: %w: order %s: %d cents must not be below 0", ErrInvalid, r.OrderID, r.Cents)
	case len(r.Reason) > maxText:
		return fmt.Errorf("payment: %w: order %s: reason of %d bytes, at most %d",
			ErrInvalid, r.OrderID, len(r.Reason), maxText)
	}
	return checkOrder(r.OrderID, max(r.Cents, 1))
}

// Refund gives the money of a paid order back, or returns the receipt of the refund it had before. It has 12 s.
// [lockmgr.ErrNotAcquired], [ErrFenced] and [ErrStale] say that the order is in other hands at this moment. [ErrInvalid],
// [ErrNoOrder], [ErrNotPaid], [ErrConflict] (another amount than was paid) and [ErrRefundRefused] are final. After any
// other error, also while the charge is not settled, call it again: the money is not given back twice.
func (s *Service) Refund(ctx context.Context, refund Refund) (RefundReceipt, error) {
	if err := refund.validate(); err != nil {
		return RefundReceipt{}, err
	}
	var receipt RefundReceipt
	err := s.alone(ctx, refund.OrderID, func(ctx context.Context, token uint64) error {
		order, err := s.orders.Get(ctx, refund.OrderID)
		if err == nil {
			err = refund.check(order)
		}
		if err == nil && order.State == Paid {
			order, err = s.giveBack(ctx, order, token, shorten(refund.Reason))
		}
		receipt = RefundReceipt{Refund: order.Refund, Charge: order.Charge, OrderID: order.ID, Cents: order.Cents}
		return err
	})
	if err != nil {
		return RefundReceipt{}, err
	}
	return receipt, nil
}

// check refuses what cannot be given back. An order that is refunded passes: its answer is the first one.
func (r Refund) check(order Order) error {
	switch {
	case order.State == Processing:
		return fmt.Errorf("payment: refund order %s: its charge is not settled yet", order.ID)
	case order.State != Paid && order.State != Refunded:
		return fmt.Errorf("payment: refund order %s, which is %s: %w", order.ID, order.State, ErrNotPaid)
	case r.Cents != 0 && r.Cents != order.Cents:
		return fmt.Errorf("payment: refund %d cents of order %s: it was paid with %d, and only the whole is given back: %w",
			r.Cents, order.ID, order.Cents, ErrConflict)
	}
	return nil
}

// giveBack asks the gateway for the refund of a paid order and records it.
//
// Why: docs/decisions/payments.md#refunds-have-no-state-of-their-own
func (s *Service) giveBack(ctx context.Context, order Order, token uint64, reason string) (Order, error) {
	receipt, err := s.gateway.Refund(ctx, RefundRequest{
		IdempotencyKey: refundKey(order.ID), OrderID: order.ID, Charge: order.Charge, Cents: order.Cents,
	})
	switch {
	case err != nil:
		return order, fmt.Errorf("payment: refund order %s: %w", order.ID, err)
	case receipt.Charge != order.Charge || receipt.Cents != order.Cents:
		return order, fmt.Errorf("payment: refund order %s, charge %s, %d cents: %w: the gateway's refund %s is of %s, %d cents",
			order.ID, order.Charge, order.Cents, ErrConflict, receipt.Refund, receipt.Charge, receipt.Cents)
	}
	return s.move(ctx, order, Move{To: Refunded, Token: token, Refund: receipt.Refund, Reason: reason})
}

func (s *Service) handleRefund(ctx context.Context, job *queue.Job[Refund]) error {
	receipt, err := s.Refund(ctx, job.Args)
	if err != nil {
		return outcome(err)
	}
	return job.SetResult(receipt)
}
