package stripegate

import (
	"context"
	"fmt"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"github.com/navvy-go/navvy/jobs/payment"
)

// Charge answers as [payment.Gateway] says. [payment.ErrDeclined] wraps what Stripe calls a card error, also one that
// asks for the cardholder, who is not here. [payment.ErrConflict] says that the key came with other parameters, and
// [payment.ErrInvalid] that Stripe makes nothing of the request.
//
// Why: docs/decisions/payments.md#at-stripe-the-charge-of-an-order-is-a-paymentintent-created-and-confirmed-in-one-call
func (g *Gateway) Charge(ctx context.Context, request payment.ChargeRequest) (payment.Receipt, error) {
	payer, err := g.payer(ctx, request)
	if err != nil {
		return payment.Receipt{}, fmt.Errorf("stripegate: who pays order %s: %w", request.OrderID, err)
	}
	params := &stripe.PaymentIntentCreateParams{
		Amount:             stripe.Int64(request.Cents),
		Currency:           stripe.String(g.currency),
		PaymentMethod:      stripe.String(payer.PaymentMethod),
		PaymentMethodTypes: []*string{stripe.String("card")},
		Confirm:            stripe.Bool(true),
		OffSession:         stripe.Bool(true),
		Metadata:           map[string]string{orderField: request.OrderID},
	}
	if payer.Customer != "" {
		params.Customer = stripe.String(payer.Customer)
	}
	params.SetIdempotencyKey(request.IdempotencyKey)
	intent, err := g.client.V1PaymentIntents.Create(ctx, params)
	if err != nil {
		return payment.Receipt{}, explain("charge order "+request.OrderID, err, payment.ErrInvalid)
	}
	return receiptOf(intent, request)
}

// Lookup answers as [payment.Gateway] says, by the order's ID; the package says how soon. Two payments of one order are
// [payment.ErrConflict].
//
// Why: docs/decisions/payments.md#lookup-at-stripe-is-a-search-by-the-orders-id-in-the-metadata
func (g *Gateway) Lookup(ctx context.Context, request payment.ChargeRequest) (payment.Receipt, error) {
	params := &stripe.PaymentIntentSearchParams{}
	params.Query = "metadata['" + orderField + "']:" + quote(request.OrderID)
	var found *stripe.PaymentIntent
	for intent, err := range g.client.V1PaymentIntents.Search(ctx, params).All(ctx) {
		switch {
		case err != nil:
			return payment.Receipt{}, explain("look order "+request.OrderID+" up", err, nil)
		case intent.Metadata[orderField] != request.OrderID: // a search may match more than the whole
		case paid(found) && paid(intent):
			return payment.Receipt{}, fmt.Errorf("stripegate: order %s was charged as %s and as %s: %w",
				request.OrderID, found.ID, intent.ID, payment.ErrConflict)
		case !paid(found):
			found = intent
		}
	}
	if found == nil {
		return payment.Receipt{}, fmt.Errorf("stripegate: look order %s up: %w", request.OrderID, payment.ErrNoCharge)
	}
	return receiptOf(found, request)
}

func paid(intent *stripe.PaymentIntent) bool {
	return intent != nil && intent.Status == stripe.PaymentIntentStatusSucceeded
}

// receiptOf returns what a PaymentIntent means for the request that made it.
func receiptOf(intent *stripe.PaymentIntent, request payment.ChargeRequest) (payment.Receipt, error) {
	switch intent.Status {
	case stripe.PaymentIntentStatusSucceeded:
		return payment.Receipt{Charge: intent.ID, OrderID: request.OrderID, Cents: intent.Amount}, nil
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusRequiresAction,
		stripe.PaymentIntentStatusCanceled:
		return payment.Receipt{}, fmt.Errorf("stripegate: order %s: %s is %s: %w",
			request.OrderID, intent.ID, intent.Status, payment.ErrDeclined)
	default: // processing and what leads there: it may become either
		return payment.Receipt{}, fmt.Errorf("stripegate: order %s: %s is still %s",
			request.OrderID, intent.ID, intent.Status)
	}
}

// quote makes text a string of Stripe's search language.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
