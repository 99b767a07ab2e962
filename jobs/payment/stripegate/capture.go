package stripegate

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v85"

	"github.com/navvy-go/navvy/jobs/payment"
)

// Capture takes what a PaymentIntent holds, as [payment.Authorizer] says. Stripe lets go of what is not taken within a
// week, as a rule: that is [payment.ErrDeclined].
func (g *Gateway) Capture(ctx context.Context, request payment.CaptureRequest) (payment.Receipt, error) {
	params := &stripe.PaymentIntentCaptureParams{}
	params.SetIdempotencyKey(request.IdempotencyKey)
	intent, err := g.client.V1PaymentIntents.Capture(ctx, request.Charge, params)
	if hasCode(err, stripe.ErrorCodePaymentIntentUnexpectedState) { // it has ended, in whatever way
		intent, err = g.client.V1PaymentIntents.Retrieve(ctx, request.Charge, nil)
	}
	if err != nil {
		return payment.Receipt{}, explain("capture order "+request.OrderID, err, payment.ErrInvalid)
	}
	return g.receiptOf(intent, payment.ChargeRequest{
		OrderID: request.OrderID, Cents: request.Cents, Currency: request.Currency,
	})
}

// Void cancels a PaymentIntent that holds money, as [payment.Authorizer] says.
func (g *Gateway) Void(ctx context.Context, request payment.CaptureRequest) error {
	params := &stripe.PaymentIntentCancelParams{}
	params.SetIdempotencyKey(request.IdempotencyKey)
	intent, err := g.client.V1PaymentIntents.Cancel(ctx, request.Charge, params)
	if hasCode(err, stripe.ErrorCodePaymentIntentUnexpectedState) {
		intent, err = g.client.V1PaymentIntents.Retrieve(ctx, request.Charge, nil)
	}
	switch {
	case err != nil:
		return explain("void order "+request.OrderID, err, payment.ErrInvalid)
	case intent.Status == stripe.PaymentIntentStatusSucceeded:
		return fmt.Errorf("stripegate: void order %s: %s has taken the money: %w", request.OrderID, intent.ID,
			payment.ErrConflict)
	case intent.Status != stripe.PaymentIntentStatusCanceled:
		return errors.New("stripegate: void order " + request.OrderID + ": it is " + string(intent.Status))
	}
	return nil
}

var _ payment.Authorizer = (*Gateway)(nil)
