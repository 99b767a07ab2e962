package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/navvy-go/navvy/queue"
)

// Capture is the job payment.capture: it takes the money that the charge of an order holds, all of it.
type Capture struct {
	OrderID string `json:"order_id"`
}

// Kind returns "payment.capture".
func (Capture) Kind() string { return "payment.capture" }

// Capture takes the money of an order that is authorized, or returns the receipt of an order that is paid. It has 12
// s. [lockmgr.ErrNotAcquired], [ErrFenced] and [ErrStale] say that the order is in other hands at this moment.
// [ErrInvalid], [ErrNoOrder], [ErrConflict] and [ErrDeclined] are final; what the gateway refuses for good is recorded
// as the reason why the order failed. After any other error, also while the charge is not settled, call it again: the
// money is not taken twice.
func (s *Service) Capture(ctx context.Context, capture Capture) (Receipt, error) {
	gateway, err := s.authorizer()
	if err == nil {
		err = checkOrder(capture.OrderID, 1)
	}
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err = s.alone(ctx, capture.OrderID, func(ctx context.Context, token uint64) error {
		order, err := s.orders.Get(ctx, capture.OrderID)
		switch {
		case err != nil:
			return err
		case order.State == Processing:
			return fmt.Errorf("payment: capture order %s: its charge is not settled yet", order.ID)
		case order.State == Authorized:
			order, err = s.capture(ctx, gateway, order, token)
		}
		if err == nil {
			receipt, err = order.receipt()
		}
		return err
	})
	return receipt, err
}

func (s *Service) capture(ctx context.Context, gateway Authorizer, order Order, token uint64) (Order, error) {
	receipt, err := gateway.Capture(ctx, order.captureRequest("capture:"))
	switch {
	case err != nil:
		return s.fail(ctx, order, token, fmt.Errorf("payment: capture order %s: %w", order.ID, err))
	case receipt.Charge != order.Charge || !receipt.answers(order.request()):
		return order, fmt.Errorf("payment: capture order %s, charge %s, %d cents %s: %w: the gateway took %s, %d cents %s",
			order.ID, order.Charge, order.Cents, order.Currency, ErrConflict, receipt.Charge, receipt.Cents, receipt.Currency)
	}
	return s.move(ctx, order, Move{To: Paid, Token: token, Charge: order.Charge})
}

func (o Order) captureRequest(prefix string) CaptureRequest {
	return CaptureRequest{
		IdempotencyKey: prefix + o.ID, OrderID: o.ID, Charge: o.Charge, Cents: o.Cents, Currency: o.Currency,
	}
}

// authorizer is the gateway if it can hold money first.
func (s *Service) authorizer() (Authorizer, error) {
	if s.gateway == nil {
		return nil, errNoGateway
	}
	gateway, ok := s.gateway.(Authorizer)
	if !ok {
		return nil, fmt.Errorf("payment: %w: this gateway takes money at once", ErrInvalid)
	}
	return gateway, nil
}

func (s *Service) handleCapture(ctx context.Context, job *queue.Job[Capture]) error {
	receipt, err := s.Capture(ctx, job.Args)
	if err != nil {
		return outcome(err)
	}
	return job.SetResult(receipt)
}

// Cancel is the job payment.cancel: it ends an order that is not paid, and lets go of the money that its charge holds.
type Cancel struct {
	OrderID string `json:"order_id"`
	Reason  string `json:"reason,omitempty"` // kept in the order's record, up to 500 bytes
}

// Kind returns "payment.cancel".
func (Cancel) Kind() string { return "payment.cancel" }

// Outcome is the order that a cancellation or a webhook left.
type Outcome struct {
	OrderID string `json:"order_id"`
	State   State  `json:"state"`
}

// Cancel cancels an order that is pending, failed or authorized; no charge of it begins any more. It has 12 s.
// [lockmgr.ErrNotAcquired], [ErrFenced] and [ErrStale] say that the order is in other hands at this moment.
// [ErrInvalid], [ErrNoOrder] and [ErrConflict] (it is paid: refund it) are final. After any other error, also while
// the charge is not settled, call it again.
func (s *Service) Cancel(ctx context.Context, cancel Cancel) (Order, error) {
	if len(cancel.Reason) > maxText {
		return Order{}, fmt.Errorf("payment: %w: order %s: reason of %d bytes, at most %d",
			ErrInvalid, cancel.OrderID, len(cancel.Reason), maxText)
	}
	if err := checkOrder(cancel.OrderID, 1); err != nil {
		return Order{}, err
	}
	var order Order
	err := s.alone(ctx, cancel.OrderID, func(ctx context.Context, token uint64) (err error) {
		order, err = s.orders.Get(ctx, cancel.OrderID)
		if err == nil {
			order, err = s.cancel(ctx, order, Move{To: Cancelled, Token: token, Reason: shorten(cancel.Reason)})
		}
		return err
	})
	return order, err
}

func (s *Service) cancel(ctx context.Context, order Order, step Move) (Order, error) {
	switch order.State {
	case Cancelled:
		return order, nil
	case Processing:
		return order, fmt.Errorf("payment: cancel order %s: its charge is not settled yet", order.ID)
	case Paid, Refunded:
		return order, fmt.Errorf("payment: cancel order %s, which is %s: %w", order.ID, order.State, ErrConflict)
	case Authorized:
		gateway, err := s.authorizer()
		if err == nil {
			err = gateway.Void(ctx, order.captureRequest("void:"))
		}
		if err != nil && !errors.Is(err, ErrDeclined) { // a charge that has ended holds nothing
			return order, fmt.Errorf("payment: cancel order %s: %w", order.ID, err)
		}
	}
	return s.move(ctx, order, step)
}

func (s *Service) handleCancel(ctx context.Context, job *queue.Job[Cancel]) error {
	order, err := s.Cancel(ctx, job.Args)
	if err != nil {
		return outcome(err)
	}
	return job.SetResult(Outcome{OrderID: order.ID, State: order.State})
}
