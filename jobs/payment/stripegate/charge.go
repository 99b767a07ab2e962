package stripegate

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"github.com/navvy-go/navvy/jobs/payment"
)

// Charge answers as [payment.Gateway] says. [payment.ErrDeclined] wraps what Stripe calls a card error and all that it
// answers with status 402, also what asks for the cardholder, who is not here. [payment.ErrConflict] says that the key
// came with other parameters, and [payment.ErrInvalid] that Stripe makes nothing of the request.
//
// Why: docs/decisions/payments.md#at-stripe-the-charge-of-an-order-is-a-paymentintent-created-and-confirmed-in-one-call
func (g *Gateway) Charge(ctx context.Context, request payment.ChargeRequest) (payment.Receipt, error) {
	payer, err := g.payer(ctx, request)
	if err != nil {
		return payment.Receipt{}, fmt.Errorf("stripegate: who pays order %s: %w", request.OrderID, err)
	}
	if request.PaymentMethod != "" {
		payer.PaymentMethod = request.PaymentMethod
	}
	params := &stripe.PaymentIntentCreateParams{
		Amount:             stripe.Int64(request.Cents),
		Currency:           stripe.String(g.currencyOf(request)),
		PaymentMethod:      stripe.String(payer.PaymentMethod),
		PaymentMethodTypes: []*string{stripe.String("card")},
		Confirm:            stripe.Bool(true),
		OffSession:         stripe.Bool(true),
		Metadata:           map[string]string{orderField: request.OrderID},
	}
	if payer.Customer != "" {
		params.Customer = stripe.String(payer.Customer)
	}
	if request.Attempt > 1 {
		params.Metadata[attemptField] = strconv.Itoa(request.Attempt)
	}
	if request.Capture == payment.CaptureLater {
		params.CaptureMethod = stripe.String(string(stripe.PaymentIntentCaptureMethodManual))
	}
	params.SetIdempotencyKey(request.IdempotencyKey)
	intent, err := g.client.V1PaymentIntents.Create(ctx, params)
	if err != nil {
		return payment.Receipt{}, explain("charge order "+request.OrderID, err, payment.ErrInvalid)
	}
	return g.receiptOf(intent, request)
}

func (g *Gateway) currencyOf(request payment.ChargeRequest) string {
	return cmp.Or(strings.ToLower(request.Currency), g.currency)
}

// Lookup answers as [payment.Gateway] says, by the order's ID; the package says how soon. Two payments of one order are
// [payment.ErrConflict]. Of what failed only the attempt counts that is asked about.
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
		case taken(found) && taken(intent):
			return payment.Receipt{}, fmt.Errorf("stripegate: order %s was charged as %s and as %s: %w",
				request.OrderID, found.ID, intent.ID, payment.ErrConflict)
		case !taken(intent) && attemptOf(intent) != max(request.Attempt, 1):
		case !taken(found):
			found = intent
		}
	}
	if found == nil {
		return payment.Receipt{}, fmt.Errorf("stripegate: look order %s up: %w", request.OrderID, payment.ErrNoCharge)
	}
	return g.receiptOf(found, request)
}

// taken says whether a PaymentIntent has taken money, or holds it.
func taken(intent *stripe.PaymentIntent) bool {
	return intent != nil && (intent.Status == stripe.PaymentIntentStatusSucceeded ||
		intent.Status == stripe.PaymentIntentStatusRequiresCapture)
}

func attemptOf(intent *stripe.PaymentIntent) int {
	attempt, _ := strconv.Atoi(intent.Metadata[attemptField])
	return max(attempt, 1)
}

// receiptOf returns what a PaymentIntent means for the request that made it.
func (g *Gateway) receiptOf(intent *stripe.PaymentIntent, request payment.ChargeRequest) (payment.Receipt, error) {
	receipt := payment.Receipt{
		Charge: intent.ID, OrderID: request.OrderID, Cents: intent.Amount, Currency: string(intent.Currency),
	}
	switch want := g.currencyOf(request); {
	case taken(intent) && (receipt.Cents != request.Cents || receipt.Currency != "" && receipt.Currency != want):
		return payment.Receipt{}, fmt.Errorf("stripegate: order %s: %s is of %d %s, not of %d %s: %w", request.OrderID,
			intent.ID, intent.Amount, intent.Currency, request.Cents, want, payment.ErrConflict)
	case intent.Status == stripe.PaymentIntentStatusSucceeded:
		return receipt, nil
	case taken(intent) && request.Capture == payment.CaptureLater:
		receipt.Authorized = true
		return receipt, nil
	}
	switch intent.Status {
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusRequiresAction,
		stripe.PaymentIntentStatusCanceled:
		return payment.Receipt{}, fmt.Errorf("stripegate: order %s: %s is %s: %w",
			request.OrderID, intent.ID, intent.Status, payment.ErrDeclined)
	default: // processing and what leads there: it may become either
		return payment.Receipt{}, fmt.Errorf("stripegate: order %s: %s is still %s: %w",
			request.OrderID, intent.ID, intent.Status, payment.ErrUndecided)
	}
}

// quote makes text a string of Stripe's search language.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
