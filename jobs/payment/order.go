package payment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// State is where an order is on its way to be paid.
type State string

// The states of an order. One in processing has been, or is about to be, brought to the gateway: only the gateway knows
// whether it is charged. One that is authorized waits for its capture; one that is paid may have had parts refunded.
const (
	Pending    State = "pending"
	Processing State = "processing"
	Authorized State = "authorized"
	Paid       State = "paid"
	Failed     State = "failed"
	Refunded   State = "refunded"
	Cancelled  State = "cancelled"
)

// moves lists the states that an order may go to from each. From processing to processing is a takeover: another
// holder of the order's lock goes on where the first one was lost. From failed to processing is a new attempt, and from
// paid to paid a step of a refund.
var moves = map[State][]State{
	Pending:    {Processing, Cancelled},
	Processing: {Processing, Authorized, Paid, Failed},
	Authorized: {Paid, Failed, Cancelled},
	Paid:       {Paid, Refunded},
	Failed:     {Processing, Cancelled},
	Refunded:   {},
	Cancelled:  {},
}

// Answers of a [Store] that a caller can act on. They come wrapped, so find them with errors.Is.
var (
	// ErrNoOrder says that there is no record of the order.
	ErrNoOrder = errors.New("no such order")

	// ErrConflict says that the order's record is at odds with what was asked for or with what the gateway reports.
	ErrConflict = errors.New("conflict with the order's record")

	// ErrFenced says that a later holder of the order's lock has moved the order: the caller's lock was lost.
	ErrFenced = errors.New("fenced off by a later holder of the lock")

	// ErrStale says that the order has left the state that the step begins in: somebody moved it since it was read, or
	// the database lost it.
	ErrStale = errors.New("the order has moved on")

	// ErrInvalid says that the request makes no sense, whatever the order's record.
	ErrInvalid = errors.New("invalid request")
)

// Order is an order's record.
type Order struct {
	ID        string
	State     State
	Cents     int64
	Token     uint64    // the fencing token of the last who moved it; 0 if nobody did
	Charge    string    // paid or authorized: the gateway's ID of the charge
	Refund    string    // refunded: the gateway's ID of the refund, of several the last
	Failure   string    // why it failed last, or why its refund was refused
	Reason    string    // refunded or cancelled: why, in the words of who asked for it
	UpdatedAt time.Time // in milliseconds, by the clock of who wrote it

	Currency      string // a three-letter code in lower case; "" for the gateway's own
	Attempt       int    // the last attempt to charge it, if that was not the first
	PaymentMethod string // that of the last attempt, if it was named
	Capture       string // [CaptureLater], or "" for at once
	RefundParts   string // JSON; see [Order.Refunds]
}

// CaptureLater of an order asks the gateway to hold the money until the job payment.capture takes it.
const CaptureLater = "later"

// attempt is the number of the last attempt, from 1.
func (o Order) attempt() int { return max(o.Attempt, 1) }

// Move is one step of an order from a state to another.
type Move struct {
	OrderID string
	From    State
	To      State
	Cents   int64  // what the record must say
	Token   uint64 // the fencing token of the lock that the step is made under, above 0

	Charge  string // to paid or authorized: the gateway's ID of the charge
	Refund  string // to refunded: the gateway's ID of the refund
	Failure string // to failed: why
	Reason  string // to refunded or cancelled: why

	// To processing: what the attempt asks for. What is empty stays as it is.
	Currency      string
	Attempt       int // above 1 from failed
	PaymentMethod string
	Capture       string

	KnownParts  string // what the record's RefundParts must be
	RefundParts string // what they become; "" to leave them, "{}" to remove them
}

// Bounds of what a record holds. A gateway's key is made of the ID and may have 255 bytes at Stripe.
const (
	maxOrderID  = 200
	maxText     = 500
	maxAttempts = 1000
	maxToken    = 1 << 53 // Lua counts in doubles
)

func checkOrder(id string, cents int64) error {
	switch {
	case id == "":
		return fmt.Errorf("payment: %w: order_id is empty", ErrInvalid)
	case !isText(id):
		return fmt.Errorf("payment: %w: order_id %q has characters that no record holds", ErrInvalid, id)
	case len(id) > maxOrderID:
		return fmt.Errorf("payment: %w: order_id of %d bytes, at most %d", ErrInvalid, len(id), maxOrderID)
	case cents <= 0:
		return fmt.Errorf("payment: %w: order %s: %d cents must be above 0", ErrInvalid, id, cents)
	}
	return nil
}

// isText says whether every database takes it as text: PostgreSQL takes no NUL and no broken UTF-8. Beyond that, an ID
// on several lines or with a bell is a mistake.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

func isCurrency(s string) bool {
	return len(s) == 3 && !strings.ContainsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' })
}

// shorten makes of somebody else's words what a record holds.
func shorten(text string) string {
	text = strings.ReplaceAll(text[:min(len(text), maxText)], "\x00", "")
	return strings.ToValidUTF8(text, "")
}

// check refuses a step that no record allows.
func (m Move) check() error {
	proof := map[State]string{
		Processing: "-", Cancelled: "-", Paid: m.Charge, Authorized: m.Charge, Failed: m.Failure, Refunded: m.Refund,
	}
	if m.From == Paid && m.To == Paid {
		proof[Paid] = m.RefundParts
	}
	allowed := slices.Contains(moves[m.From], m.To) &&
		(m.From != Failed || m.To != Processing || m.Attempt > 1) && (m.From != Paid || m.To != Paid || proof[Paid] != "")
	switch {
	case checkOrder(m.OrderID, m.Cents) != nil:
		return checkOrder(m.OrderID, m.Cents)
	case m.Token == 0 || m.Token >= maxToken:
		return fmt.Errorf("payment: %w: order %s: %d is no fencing token", ErrInvalid, m.OrderID, m.Token)
	case !allowed:
		return fmt.Errorf("payment: order %s: no order goes from %s to %s: %w", m.OrderID, m.From, m.To, ErrConflict)
	case proof[m.To] == "":
		return fmt.Errorf("payment: %w: order %s: nothing shows that it is %s", ErrInvalid, m.OrderID, m.To)
	}
	return nil
}

// refused says why a record did not take a step. It is nil where the record shows that it took the very step before:
// a client that lost the reply sends it again.
//
// Why: docs/decisions/payments.md#a-step-names-the-state-it-comes-from-and-being-refused-has-four-reasons
func (m Move) refused(now Order) error {
	switch {
	case now.State == m.To && now.Token == m.Token && now.Charge == m.chargeAfter(now) && now.Refund == m.Refund &&
		now.RefundParts == m.partsAfter(now):
		return nil
	case m.To == Paid && now.Charge != "" && m.Charge != "" && now.Charge != m.Charge: // taken twice: a person must know
		return fmt.Errorf("payment: the gateway charged order %s as %s, its record (%s) says %s: %w",
			m.OrderID, m.Charge, now.State, now.Charge, ErrConflict)
	case now.Token > m.Token:
		return fmt.Errorf("payment: move order %s to %s with token %d after %d: %w",
			m.OrderID, m.To, m.Token, now.Token, ErrFenced)
	case now.Cents != m.Cents:
		return fmt.Errorf("payment: move order %s to %s: it is for %d cents, not %d: %w",
			m.OrderID, m.To, now.Cents, m.Cents, ErrConflict)
	}
	return fmt.Errorf("payment: move order %s from %s to %s: it is %s: %w", m.OrderID, m.From, m.To, now.State, ErrStale)
}

// chargeAfter is the charge that a record has after the step: a refund or a cancellation leaves it as it is.
func (m Move) chargeAfter(now Order) string {
	if m.To == Refunded || m.To == Cancelled || m.From == Paid || m.From == Failed {
		return now.Charge
	}
	return m.Charge
}

// partsAfter is the refunded parts that a record has after the step.
func (m Move) partsAfter(now Order) string {
	switch m.RefundParts {
	case "":
		return now.RefundParts
	case noParts:
		return ""
	}
	return m.RefundParts
}
