package payment

import (
	"context"
	"errors"
)

// What a [Gateway] answers beside a receipt. It wraps them with its reason.
var (
	// ErrDeclined says that the gateway refused the charge for good: the same card will be refused again.
	ErrDeclined = errors.New("card declined")

	// ErrRefundRefused says that the gateway will not give the money back, however often it is asked.
	ErrRefundRefused = errors.New("refund refused")

	// ErrNoCharge says that nothing was charged under the key.
	ErrNoCharge = errors.New("no such charge")

	// ErrUndecided says that the gateway has the request and has not decided it: it is no sign of an outage.
	ErrUndecided = errors.New("not decided yet")
)

// Gateway is the payment provider. It is safe for concurrent use.
type Gateway interface {
	// Charge takes money, once for each idempotency key: asked again with the same key it charges nothing and gives the
	// first answer. An error that is [ErrDeclined], or [ErrInvalid] for what the gateway makes nothing of, is final and
	// says that nothing was charged; after any other the charge may have been made or not, and the caller asks again with
	// the same key.
	Charge(ctx context.Context, request ChargeRequest) (Receipt, error)

	// Refund gives the money of a charge back, once for each idempotency key: asked again with the same key it gives
	// the first answer. An error that is [ErrRefundRefused] is final; after any other the caller asks again with the
	// same key. Where all has been given back already, under whatever key, that is the answer.
	Refund(ctx context.Context, request RefundRequest) (RefundReceipt, error)

	// Lookup asks what became of the charge with the request's key, or of its order where the provider finds charges by
	// that alone, and charges nothing. [ErrNoCharge] says that nothing is charged under it, [ErrDeclined] that it was
	// declined; after any other error nothing is known. What was charged in another currency or amount is [ErrConflict].
	Lookup(ctx context.Context, request ChargeRequest) (Receipt, error)
}

// Authorizer is a [Gateway] that holds money first and takes it later: its Charge, asked for [CaptureLater], answers
// with a receipt that is Authorized.
type Authorizer interface {
	// Capture takes the money that a charge holds, once: asked again it gives the first answer. [ErrDeclined] and
	// [ErrInvalid] say that it cannot be taken any more.
	Capture(ctx context.Context, request CaptureRequest) (Receipt, error)

	// Void lets go of the money that a charge holds, once. [ErrConflict] says that it has been taken.
	Void(ctx context.Context, request CaptureRequest) error
}

// ChargeRequest is what a gateway is asked to charge.
type ChargeRequest struct {
	IdempotencyKey string // the same whenever the same attempt of the same order is charged
	OrderID        string
	Cents          int64  // above 0
	Currency       string // a three-letter code in lower case; "" for the gateway's own
	Attempt        int    // from 1
	PaymentMethod  string // what is charged, as the gateway names it; "" for what it has of the order's customer
	Capture        string // [CaptureLater], or "" for at once
}

// CaptureRequest is what a gateway is asked to take, or to let go of: the whole of what a charge holds.
type CaptureRequest struct {
	IdempotencyKey string
	OrderID        string
	Charge         string // the gateway's ID of the charge
	Cents          int64
	Currency       string
}

// Receipt is a gateway's proof of a charge.
type Receipt struct {
	Charge  string `json:"charge"` // the gateway's ID of the charge
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"`

	Currency   string `json:"currency,omitempty"`
	Authorized bool   `json:"authorized,omitempty"` // the money is held, and not taken yet
}

// answers says whether a receipt is of what was asked for. A gateway need not name its own currency.
func (r Receipt) answers(request ChargeRequest) bool {
	return r.OrderID == request.OrderID && r.Cents == request.Cents &&
		(r.Currency == request.Currency || r.Currency == "" || request.Currency == "")
}

// RefundRequest is what a gateway is asked to give back: the whole of one charge, or a part of it.
type RefundRequest struct {
	IdempotencyKey string // the same whenever the same refund of the same order is asked for
	OrderID        string
	Charge         string // the gateway's ID of the charge
	Cents          int64  // to give back
	Part           string // the ID of a part among those of its order; "" for the whole
}

// RefundReceipt is a gateway's proof of a refund.
type RefundReceipt struct {
	Refund  string `json:"refund"` // the gateway's ID of the refund
	Charge  string `json:"charge"` // that of the charge
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"`
	Part    string `json:"part,omitempty"` // the ID of a part among those of its order
}
