package stripegate

import (
	"cmp"
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v85"

	"github.com/navvy-go/navvy/jobs/payment"
)

// Refund answers as [payment.Gateway] says. A refund that Stripe has under way counts as given; one that it refuses,
// or that failed at the bank, is [payment.ErrRefundRefused]. Where the charge is refunded already, the answer is the
// refund that did it: Stripe forgets keys after a day.
func (g *Gateway) Refund(ctx context.Context, request payment.RefundRequest) (payment.RefundReceipt, error) {
	params := &stripe.RefundCreateParams{
		PaymentIntent: stripe.String(request.Charge),
		Amount:        stripe.Int64(request.Cents),
		Metadata:      map[string]string{orderField: request.OrderID},
	}
	if request.Part != "" {
		params.Metadata[partField] = request.Part
	}
	params.SetIdempotencyKey(request.IdempotencyKey)
	refund, err := g.client.V1Refunds.Create(ctx, params)
	switch {
	case hasCode(err, stripe.ErrorCodeChargeAlreadyRefunded):
		return g.refunded(ctx, request, err)
	case err != nil:
		return payment.RefundReceipt{}, explain("refund order "+request.OrderID, err, payment.ErrRefundRefused)
	case refund.Status == stripe.RefundStatusFailed, refund.Status == stripe.RefundStatusCanceled:
		return payment.RefundReceipt{}, fmt.Errorf("stripegate: refund order %s: %s is %s: %w",
			request.OrderID, refund.ID, refund.Status, payment.ErrRefundRefused)
	}
	return receiptOfRefund(refund.ID, refund.Amount, request), nil
}

// refunded finds the refund that was given before: of a part the one with its name, of the whole any, since Stripe says
// that nothing is left to give back.
func (g *Gateway) refunded(
	ctx context.Context, request payment.RefundRequest, said error,
) (payment.RefundReceipt, error) {
	params := &stripe.RefundListParams{PaymentIntent: stripe.String(request.Charge)}
	last, unlisted := "", error(nil)
	for refund, err := range g.client.V1Refunds.List(ctx, params).All(ctx) {
		switch {
		case err != nil:
			unlisted = err
		case refund.Metadata[partField] == request.Part && refund.Amount == request.Cents:
			return receiptOfRefund(refund.ID, refund.Amount, request), nil
		default:
			last = refund.ID
		}
	}
	switch {
	case request.Part == "":
		return receiptOfRefund(cmp.Or(last, "refund of "+request.Charge), request.Cents, request), nil
	case unlisted != nil:
		return payment.RefundReceipt{}, explain("list the refunds of order "+request.OrderID, unlisted, nil)
	}
	return payment.RefundReceipt{}, explain("refund order "+request.OrderID, said, payment.ErrRefundRefused)
}

func receiptOfRefund(id string, cents int64, request payment.RefundRequest) payment.RefundReceipt {
	return payment.RefundReceipt{
		Refund: id, Charge: request.Charge, OrderID: request.OrderID, Cents: cents, Part: request.Part,
	}
}
