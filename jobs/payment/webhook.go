package payment

import (
	"context"
	"fmt"

	"github.com/navvy-go/navvy/queue"
)

// Webhook is the job payment.webhook: it brings into an order's record what the gateway has reported of it, in the
// background and in whatever order reports come. What makes it has checked that the report is the gateway's.
type Webhook struct {
	Event   string `json:"event"` // the gateway's ID of the report
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"` // of the charge

	State    State  `json:"state"` // that the gateway has the charge in: paid, authorized, failed, cancelled or refunded
	Charge   string `json:"charge"`
	Currency string `json:"currency,omitempty"`
	Attempt  int    `json:"attempt,omitempty"`  // that the charge is of; 0 for the first
	Failure  string `json:"failure,omitempty"`  // why it failed
	Refunded int64  `json:"refunded,omitempty"` // cents given back so far, in all
	Refund   string `json:"refund,omitempty"`   // the gateway's ID of a refund, if the report has one
}

// Kind returns "payment.webhook".
func (Webhook) Kind() string { return "payment.webhook" }

func (w Webhook) validate() error {
	if err := checkOrder(w.OrderID, w.Cents); err != nil {
		return err
	}
	if w.Charge == "" || w.Event == "" || w.Refunded < 0 || w.Refunded > w.Cents {
		return fmt.Errorf("payment: %w: order %s: a webhook without event or charge, or of %d cents refunded", ErrInvalid,
			w.OrderID, w.Refunded)
	}
	switch w.State {
	case Paid, Authorized, Failed, Cancelled, Refunded:
		return nil
	}
	return fmt.Errorf("payment: %w: order %s: no webhook reports %q", ErrInvalid, w.OrderID, w.State)
}

// Webhook updates an order's record by what the gateway has reported. A report that the record is beyond changes
// nothing, so one that comes twice or late is harmless. [ErrInvalid], [ErrNoOrder] and [ErrConflict] are final: the
// last says that money moved that the record has no place for. It has 12 s.
func (s *Service) Webhook(ctx context.Context, report Webhook) (Order, error) {
	if err := report.validate(); err != nil {
		return Order{}, err
	}
	var order Order
	err := s.alone(ctx, report.OrderID, func(ctx context.Context, token uint64) (err error) {
		order, err = s.orders.Get(ctx, report.OrderID)
		if err == nil {
			err = report.differs(order)
		}
		if err == nil {
			order, err = s.apply(ctx, order, report, token)
		}
		return err
	})
	return order, err
}

func (w Webhook) differs(order Order) error {
	moved := w.State == Paid || w.State == Authorized || w.State == Refunded
	switch {
	case !moved:
		return nil
	case order.Cents != w.Cents, order.Currency != "" && w.Currency != "" && order.Currency != w.Currency:
		return fmt.Errorf("payment: order %s is for %d cents %s, and %s reports %d cents %s: %w",
			order.ID, order.Cents, order.Currency, w.Event, w.Cents, w.Currency, ErrConflict)
	case order.Charge != "" && order.Charge != w.Charge:
		return fmt.Errorf("payment: order %s was charged as %s, and %s reports %s: %w",
			order.ID, order.Charge, w.Event, w.Charge, ErrConflict)
	case order.State == Cancelled && w.State == Paid:
		return fmt.Errorf("payment: order %s is cancelled, and %s reports it %s as %s: %w",
			order.ID, w.Event, w.State, w.Charge, ErrConflict)
	}
	return nil
}

// apply takes the order to the state that was reported, if that is ahead of it.
func (s *Service) apply(ctx context.Context, order Order, report Webhook, token uint64) (Order, error) {
	ofLast := max(report.Attempt, 1) == order.attempt()
	charging := order.State == Pending || order.State == Processing
	var steps []Move
	switch report.State {
	case Paid, Authorized, Refunded:
		steps = report.taken(order)
	case Failed, Cancelled:
		switch {
		case charging && ofLast:
			steps = []Move{{To: Processing}, {To: Failed, Failure: report.failure()}}
		case order.State == Authorized && order.Charge == report.Charge:
			steps = []Move{{To: Failed, Failure: report.failure()}}
		}
	}
	for _, step := range steps {
		if step.To == Processing && order.State == Processing {
			continue
		}
		step.Token = token
		var err error
		if order, err = s.move(ctx, order, step); err != nil {
			return order, err
		}
	}
	if report.State == Refunded && order.State == Paid {
		return s.reportedRefund(ctx, order, report, token)
	}
	return order, nil
}

// taken are the steps of an order to where its money was taken or is held.
func (w Webhook) taken(order Order) (steps []Move) {
	to := Paid
	if w.State == Authorized {
		to = Authorized
	}
	arrived := Move{To: to, Charge: w.Charge}
	switch order.State {
	case Pending, Processing:
		return []Move{{To: Processing, Currency: w.Currency}, arrived}
	case Failed: // the customer paid after the attempt had failed, or it failed by mistake
		return []Move{{To: Processing, Attempt: max(order.attempt(), w.Attempt, 2), Currency: w.Currency}, arrived}
	case Authorized:
		if to == Paid {
			return []Move{arrived}
		}
	}
	return nil
}

// reportedRefund records what the gateway gave back beyond what the record has, as a person may do there.
func (s *Service) reportedRefund(ctx context.Context, order Order, report Webhook, token uint64) (Order, error) {
	known, err := order.parts()
	if err != nil {
		return order, err
	}
	beyond := report.Refunded - known.sum(false)
	id := "event-" + shortName(report.Event)
	if _, isKnown := known[id]; isKnown || beyond <= 0 || len(known) == maxParts {
		return order, nil
	}
	refund := report.Refund
	if refund == "" {
		refund = report.Event
	}
	step := Move{Token: token, Refund: refund, Reason: "refunded at the gateway"}
	if err := s.recordRefund(ctx, order, known.with(id, part{Cents: beyond, Refund: refund}), step); err != nil {
		return order, err
	}
	return s.orders.Get(ctx, order.ID)
}

func (w Webhook) failure() string {
	if w.Failure == "" {
		return "the gateway reports it " + string(w.State)
	}
	return shorten(w.Failure)
}

func (s *Service) handleWebhook(ctx context.Context, job *queue.Job[Webhook]) error {
	order, err := s.Webhook(ctx, job.Args)
	if err != nil {
		return outcome(err)
	}
	return job.SetResult(Outcome{OrderID: order.ID, State: order.State})
}
