package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/navvy-go/navvy/queue"
)

// Charge is the job payment.charge: it charges one order.
type Charge struct {
	OrderID string `json:"order_id"` // up to 200 bytes
	Cents   int64  `json:"cents"`    // above 0, in the smallest unit of the currency

	Currency string `json:"currency,omitempty"` // a three-letter code, such as eur; "" for the gateway's own

	// Attempt is 1, or 0 for that, until the order has failed. The next number then tries again, with another card as a
	// rule, under a key of its own. The same number is the same attempt, however often it is asked for.
	Attempt int `json:"attempt,omitempty"`
	// as the gateway names it, such as pm_…; "" for its own choice
	PaymentMethod string `json:"payment_method,omitempty"`

	// Capture is [CaptureLater] to have the money held, until payment.capture takes it or payment.cancel lets it go.
	Capture string `json:"capture,omitempty"`
}

// Kind returns "payment.charge".
func (Charge) Kind() string { return "payment.charge" }

// UnmarshalJSON takes cents and attempt as numbers or as strings of digits: in an entry that another program wrote to a
// raw stream every field is a string.
func (c *Charge) UnmarshalJSON(data []byte) error {
	type plain Charge
	wire := struct {
		*plain
		Cents   json.Number `json:"cents"`
		Attempt json.Number `json:"attempt"`
	}{plain: new(plain)}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*c = Charge(*wire.plain)
	for _, field := range []struct {
		name string
		from json.Number
		into func(int64)
	}{
		{"cents", wire.Cents, func(n int64) { c.Cents = n }},
		{"attempt", wire.Attempt, func(n int64) { c.Attempt = int(n) }},
	} {
		if field.from == "" {
			continue
		}
		n, err := field.from.Int64()
		if err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
		field.into(n)
	}
	return nil
}

// checked is the charge in the form of a record, or [ErrInvalid].
func (c Charge) checked() (Charge, error) {
	if err := checkOrder(c.OrderID, c.Cents); err != nil {
		return c, err
	}
	c.Currency, c.Attempt = strings.ToLower(c.Currency), max(c.Attempt, 1)
	switch {
	case c.Currency != "" && !isCurrency(c.Currency):
		return c, fmt.Errorf("payment: %w: order %s: currency %.10q, want three letters", ErrInvalid, c.OrderID, c.Currency)
	case c.Attempt > maxAttempts:
		return c, fmt.Errorf("payment: %w: order %s: attempt %d, at most %d", ErrInvalid, c.OrderID, c.Attempt, maxAttempts)
	case len(c.PaymentMethod) > maxOrderID || !isText(c.PaymentMethod):
		return c, fmt.Errorf("payment: %w: order %s: this is no payment method", ErrInvalid, c.OrderID)
	case c.Capture != "" && c.Capture != CaptureLater:
		return c, fmt.Errorf("payment: %w: order %s: capture %.10q, want %q or nothing", ErrInvalid, c.OrderID, c.Capture,
			CaptureLater)
	}
	return c, nil
}

// differs says what of an order's record is not as the charge has it.
func (c Charge) differs(order Order) error {
	unset := order.Currency == "" && order.State == Pending
	switch {
	case order.Cents != c.Cents:
		return fmt.Errorf("payment: order %s is for %d cents, not %d: %w", order.ID, order.Cents, c.Cents, ErrConflict)
	case c.Currency != "" && c.Currency != order.Currency && !unset:
		return fmt.Errorf("payment: order %s is in currency %q, not %q: %w", order.ID, order.Currency, c.Currency,
			ErrConflict)
	case c.Attempt > order.attempt()+1:
		return fmt.Errorf("payment: attempt %d of order %s, after attempt %d: %w", c.Attempt, order.ID, order.attempt(),
			ErrConflict)
	case c.Attempt > order.attempt() && order.State == Pending:
		return fmt.Errorf("payment: attempt %d of order %s, of which there was none: %w", c.Attempt, order.ID, ErrConflict)
	case c.Attempt > order.attempt() && order.State == Processing:
		return fmt.Errorf("payment: attempt %d of order %s: attempt %d is not settled yet", c.Attempt, order.ID,
			order.attempt())
	}
	return nil
}

// Charge charges an order, or returns the receipt of the charge it was paid with before. It has 12 s.
// [lockmgr.ErrNotAcquired], [ErrFenced] and [ErrStale] say that the order is in other hands at this moment.
// [ErrInvalid], [ErrConflict] and [ErrDeclined] are final; what the gateway refuses for good is recorded as the reason
// why the order failed. After any other error call it again: the order is not charged twice.
func (s *Service) Charge(ctx context.Context, charge Charge) (Receipt, error) {
	charge, err := charge.checked()
	if err == nil && charge.Capture == CaptureLater {
		_, err = s.authorizer()
	}
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err = s.alone(ctx, charge.OrderID, func(ctx context.Context, token uint64) error {
		order, err := s.orders.Create(ctx, charge.OrderID, charge.Cents)
		if err == nil {
			err = charge.differs(order)
		}
		if err == nil {
			order, err = s.chargeOnce(ctx, order, charge, token)
		}
		if err == nil {
			receipt, err = order.receipt()
		}
		return err
	})
	return receipt, err
}

// chargeOnce brings the order to its end unless it has one that the charge does not change.
func (s *Service) chargeOnce(ctx context.Context, order Order, charge Charge, token uint64) (Order, error) {
	switch {
	case order.State == Processing:
		return s.pay(ctx, order, Move{Token: token})
	case order.State == Pending, order.State == Failed && charge.Attempt > order.attempt():
		step := Move{
			Token: token, Currency: charge.Currency, PaymentMethod: charge.PaymentMethod, Capture: charge.Capture,
		}
		if charge.Attempt > 1 {
			step.Attempt = charge.Attempt
		}
		return s.pay(ctx, order, step)
	}
	return order, nil
}

// receipt is the answer for an order that has reached its end.
func (o Order) receipt() (Receipt, error) {
	switch o.State {
	case Paid, Authorized:
		return Receipt{
			Charge: o.Charge, OrderID: o.ID, Cents: o.Cents, Currency: o.Currency, Authorized: o.State == Authorized,
		}, nil
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
