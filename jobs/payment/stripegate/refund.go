package stripegate

import (
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v85"

	"github.com/navvy-go/navvy/jobs/payment"
)

// Refund answers as [payment.Gateway] says. A refund that Stripe has under way counts as given; one that it refuses, or
// that failed at the bank, is [payment.ErrRefundRefused].
func (g *Gateway) Refund(ctx context.Context, request payment.RefundRequest) (payment.RefundReceipt, error) {
	params := &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(request.Charge),
		Amount:        stripe.Int64(request.Cents),
		Metadata:      map[string]string{orderField: request.OrderID},
	}
	params.SetIdempotencyKey(request.IdempotencyKey)
	refund, err := g.client.V1Refunds.Create(ctx, params)
	switch {
	case err != nil:
		return payment.RefundReceipt{}, explain("refund order "+request.OrderID, err, payment.ErrRefundRefused)
	case refund.Status == stripe.RefundStatusFailed, refund.Status == stripe.RefundStatusCanceled:
		return payment.RefundReceipt{}, fmt.Errorf("stripegate: refund order %s: %s is %s: %w",
			request.OrderID, refund.ID, refund.Status, payment.ErrRefundRefused)
	}
	return payment.RefundReceipt{
		Refund: refund.ID, Charge: request.Charge, OrderID: request.OrderID, Cents: refund.Amount,
	}, nil
}
