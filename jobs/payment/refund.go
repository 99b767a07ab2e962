package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/navvy-go/navvy/queue"
)

// Refund is the job payment.refund: it gives back what an order was paid with, all of it or a part.
type Refund struct {
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents,omitempty"`  // of a part; of the whole, what was paid, as a check; 0 for all that is left
	Reason  string `json:"reason,omitempty"` // kept in the order's record, up to 500 bytes

	// Part names a part among those of its order: the same name is the same refund, however often it is asked for. It has
	// up to 40 letters, digits, dots, dashes and underscores. A job whose cents are a part has a name from its ID.
	Part string `json:"part,omitempty"`
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
	if err := checkPart(r.Part); err != nil {
		return fmt.Errorf("payment: order %s: %w", r.OrderID, err)
	}
	return checkOrder(r.OrderID, max(r.Cents, 1))
}

// Refund gives the money of a paid order back, or returns the receipt of the refund it had before. What is given back
// never is more than was charged. It has 12 s. [lockmgr.ErrNotAcquired], [ErrFenced] and [ErrStale] say that the order
// is in other hands at this moment. [ErrInvalid], [ErrNoOrder], [ErrNotPaid], [ErrConflict] (another amount than was
// paid, or more than is left) and [ErrRefundRefused] are final; the last leaves the order paid, with the reason in its
// record. After any other error, also while the charge is not settled, call it again: the money is not given back
// twice.
func (s *Service) Refund(ctx context.Context, refund Refund) (RefundReceipt, error) {
	if err := refund.validate(); err != nil {
		return RefundReceipt{}, err
	}
	var receipt RefundReceipt
	err := s.alone(ctx, refund.OrderID, func(ctx context.Context, token uint64) error {
		order, err := s.orders.Get(ctx, refund.OrderID)
		if err == nil {
			receipt, err = s.refund(ctx, order, refund, token)
		}
		return err
	})
	if err != nil {
		return RefundReceipt{}, err
	}
	return receipt, nil
}

func (s *Service) refund(ctx context.Context, order Order, refund Refund, token uint64) (RefundReceipt, error) {
	known, err := order.parts()
	if err == nil {
		err = refund.check(order, known)
	}
	if err != nil {
		return RefundReceipt{}, err
	}
	id := refund.Part
	given, isKnown := known[id]
	if order.State == Refunded && !isKnown { // by one refund, which has no parts
		return RefundReceipt{Refund: order.Refund, Charge: order.Charge, OrderID: order.ID, Cents: order.Cents}, nil
	}
	if given.Refund != "" {
		return order.refundReceipt(id, given), nil
	}
	if !isKnown {
		given.Cents = refund.Cents
		if given.Cents == 0 {
			given.Cents = order.Cents - known.sum(false)
		}
		known = known.with(id, given)
		order, err = s.move(ctx, order, Move{To: Paid, Token: token, RefundParts: known.text()})
		if err != nil {
			return RefundReceipt{}, err
		}
	}
	return s.giveBack(ctx, order, known, refund, token)
}

// check refuses what cannot be given back. A refund that was given passes: its answer is the first one.
func (r Refund) check(order Order, known parts) error {
	given, isKnown := known[r.Part]
	left := order.Cents - known.sum(false)
	switch {
	case order.State == Processing:
		return fmt.Errorf("payment: refund order %s: its charge is not settled yet", order.ID)
	case order.State != Paid && order.State != Refunded:
		return fmt.Errorf("payment: refund order %s, which is %s: %w", order.ID, order.State, ErrNotPaid)
	case isKnown && r.Cents != 0 && r.Cents != given.Cents && (r.Part != wholeRefund || r.Cents != order.Cents):
		return fmt.Errorf("payment: refund %d cents of order %s: this refund is of %d: %w", r.Cents, order.ID, given.Cents,
			ErrConflict)
	case isKnown:
		return nil
	case r.Part == wholeRefund && r.Cents != 0 && r.Cents != order.Cents:
		return fmt.Errorf("payment: refund %d cents of order %s: it was paid with %d, and a part needs a name: %w",
			r.Cents, order.ID, order.Cents, ErrConflict)
	case order.State == Refunded && r.Part != wholeRefund, order.State == Refunded && len(known) > 0:
		return fmt.Errorf("payment: refund order %s: all of it is given back: %w", order.ID, ErrConflict)
	case order.State == Refunded:
		return nil
	case r.Cents > left, left == 0, len(known) == maxParts:
		return fmt.Errorf("payment: refund %d cents of order %s: %d of %d are left, after %d refunds: %w",
			r.Cents, order.ID, left, order.Cents, len(known), ErrConflict)
	}
	return nil
}

// giveBack asks the gateway for a refund that the record has, and records the answer.
//
// Why: docs/decisions/payments.md#a-refund-is-written-before-it-is-asked-for
func (s *Service) giveBack(
	ctx context.Context, order Order, known parts, refund Refund, token uint64,
) (RefundReceipt, error) {
	id := refund.Part
	asked := known[id]
	receipt, err := s.gateway.Refund(ctx, RefundRequest{
		IdempotencyKey: refundKey(order.ID, id), OrderID: order.ID, Charge: order.Charge, Cents: asked.Cents, Part: id,
	})
	switch {
	case err != nil:
		err = fmt.Errorf("payment: refund order %s: %w", order.ID, err)
		return RefundReceipt{}, errors.Join(err, s.refundRefused(ctx, order, known, id, token, err))
	case receipt.Charge != order.Charge || receipt.Cents != asked.Cents || receipt.Refund == "":
		return RefundReceipt{}, fmt.Errorf(
			"payment: refund order %s, charge %s, %d cents: %w: the gateway's refund %q is of %s, %d cents",
			order.ID, order.Charge, asked.Cents, ErrConflict, receipt.Refund, receipt.Charge, receipt.Cents)
	}
	asked.Refund = receipt.Refund
	return order.refundReceipt(id, asked), s.recordRefund(ctx, order, known.with(id, asked), Move{
		Token: token, Refund: receipt.Refund, Reason: shorten(refund.Reason),
	})
}

// recordRefund takes the order to the state that the parts show. Of a single refund of all the record keeps no parts.
func (s *Service) recordRefund(ctx context.Context, order Order, known parts, step Move) error {
	step.To, step.RefundParts = Paid, known.text()
	if known.sum(true) == order.Cents {
		step.To = Refunded
		if len(known) == 1 && known[wholeRefund].Refund != "" {
			step.RefundParts = noParts
		}
	} else {
		step.Refund = ""
	}
	_, err := s.move(ctx, order, step)
	return err
}

// refundRefused takes back a refund that the gateway will not give, and notes why.
func (s *Service) refundRefused(
	ctx context.Context, order Order, known parts, id string, token uint64, reason error,
) error {
	if !errors.Is(reason, ErrRefundRefused) && !errors.Is(reason, ErrInvalid) && !errors.Is(reason, ErrDeclined) {
		return nil
	}
	known = known.with(id, part{})
	delete(known, id)
	step := Move{To: Paid, Token: token, RefundParts: known.text(), Failure: shorten(reason.Error())}
	_, err := s.move(ctx, order, step)
	return err
}

func (s *Service) handleRefund(ctx context.Context, job *queue.Job[Refund]) error {
	refund := job.Args
	if refund.Part == wholeRefund && refund.Cents > 0 {
		order, err := s.orders.Get(ctx, refund.OrderID)
		if err != nil && !errors.Is(err, ErrNoOrder) {
			return err
		}
		if err == nil && refund.Cents < order.Cents {
			refund.Part = "job-" + shortName(job.ID)
		}
	}
	receipt, err := s.Refund(ctx, refund)
	if err != nil {
		return outcome(err)
	}
	return job.SetResult(receipt)
}
