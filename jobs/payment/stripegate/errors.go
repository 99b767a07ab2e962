package stripegate

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/stripe/stripe-go/v85"

	"github.com/navvy-go/navvy/jobs/payment"
)

// explain says what Stripe's error means: refusal is for what Stripe will refuse again, nil if there is no such thing.
// An error that means nothing in particular (a broken connection, a wrong API key, too many calls, Stripe out of order)
// leaves the outcome open, as a key in use does. What Stripe says never holds the API key.
func explain(doing string, err error, refusal error) error {
	var said *stripe.Error
	if !errors.As(err, &said) {
		return fmt.Errorf("stripegate: %s: %w", doing, err)
	}
	var meaning error
	switch {
	case said.Code == stripe.ErrorCodeIdempotencyKeyInUse, said.Code == stripe.ErrorCodeLockTimeout:
		meaning = payment.ErrUndecided
	case said.Type == stripe.ErrorTypeIdempotency:
		meaning = payment.ErrConflict
	case said.Type == stripe.ErrorTypeCard, said.HTTPStatusCode == http.StatusPaymentRequired:
		meaning = payment.ErrDeclined
	case said.Type == stripe.ErrorTypeInvalidRequest &&
		(said.HTTPStatusCode == http.StatusBadRequest || said.HTTPStatusCode == http.StatusNotFound):
		meaning = refusal
	}
	text := describe(said)
	if meaning == nil {
		return fmt.Errorf("stripegate: %s: %s", doing, text)
	}
	return fmt.Errorf("stripegate: %s: %w: %s", doing, meaning, text)
}

// describe is what a person needs of Stripe's error. Its message is left out where it may repeat a part of the API key.
func describe(said *stripe.Error) string {
	text := fmt.Sprintf("status %d, %s", said.HTTPStatusCode, said.Type)
	if said.Code != "" {
		text += ", " + string(said.Code)
	}
	if said.DeclineCode != "" {
		text += ", " + string(said.DeclineCode)
	}
	if said.RequestID != "" {
		text += ", request " + said.RequestID
	}
	if said.Msg != "" && said.HTTPStatusCode != http.StatusUnauthorized {
		text += ": " + said.Msg
	}
	return text
}

// hasCode says whether Stripe's error has that code.
func hasCode(err error, code stripe.ErrorCode) bool {
	var said *stripe.Error
	return errors.As(err, &said) && said.Code == code
}
