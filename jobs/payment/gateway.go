package payment

import (
	"context"
	"errors"
)

// ErrDeclined says that the gateway refused the charge for good: the same card will be refused again.
// A gateway wraps it with its reason.
var ErrDeclined = errors.New("card declined")

// Gateway is the payment provider. It is safe for concurrent use.
type Gateway interface {
	// Charge takes money, once for each idempotency key: asked again with the same key it charges nothing and gives the
	// first answer. An error that is [ErrDeclined] is final; after any other the charge may have been made or not, and
	// the caller asks again with the same key.
	Charge(ctx context.Context, request ChargeRequest) (Receipt, error)
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
