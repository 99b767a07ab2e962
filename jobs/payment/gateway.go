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
)

// Gateway is the payment provider. It is safe for concurrent use.
type Gateway interface {
	// Charge takes money, once for each idempotency key: asked again with the same key it charges nothing and gives the
	// first answer. An error that is [ErrDeclined] is final; after any other the charge may have been made or not, and
	// the caller asks again with the same key.
	Charge(ctx context.Context, request ChargeRequest) (Receipt, error)

	// Refund gives the money of a charge back, once for each idempotency key: asked again with the same key it gives
	// the first answer. An error that is [ErrRefundRefused] is final; after any other the caller asks again with the
	// same key.
	Refund(ctx context.Context, request RefundRequest) (RefundReceipt, error)

	// Lookup asks what became of the charge with the request's key, or of its order where the provider finds charges by
	// that alone, and charges nothing. [ErrNoCharge] says that nothing is charged under it, [ErrDeclined] that it was
	// declined; after any other error nothing is known.
	Lookup(ctx context.Context, request ChargeRequest) (Receipt, error)
}

// ChargeRequest is what a gateway is asked to charge.
type ChargeRequest struct {
	IdempotencyKey string // the same whenever the same order is charged
	OrderID        string
	Cents          int64 // above 0
}

// Receipt is a gateway's proof of a charge.
type Receipt struct {
	Charge  string `json:"charge"` // the gateway's ID of the charge
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"`
}

// RefundRequest is what a gateway is asked to give back: the whole of one charge.
type RefundRequest struct {
	IdempotencyKey string // the same whenever the same order is refunded
	OrderID        string
	Charge         string // the gateway's ID of the charge
	Cents          int64  // what was charged
}

// RefundReceipt is a gateway's proof of a refund.
type RefundReceipt struct {
	Refund  string `json:"refund"` // the gateway's ID of the refund
	Charge  string `json:"charge"` // that of the charge
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"`
}
