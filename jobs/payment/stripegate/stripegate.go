// Package stripegate charges orders at Stripe: a [payment.Gateway] on PaymentIntents and Refunds.
//
// A charge is a PaymentIntent that is created and confirmed in one call, off session, with the order's ID in its
// metadata; what it calls a charge's ID is that of the PaymentIntent. The library itself repeats a call that had no
// answer, twice, with the same idempotency key. Stripe replays the first answer to a key for 24 hours at least
// (https://docs.stripe.com/api/idempotent_requests).
//
// Lookup searches by the order's ID. Stripe's search shows a new PaymentIntent within a minute, and up to an hour later
// when Stripe has trouble (https://docs.stripe.com/search#data-freshness), and there is none for merchants in India:
// that nothing is found within an hour does not prove that nothing was charged. Whoever charges then must do so with
// the same key, and does in package payment.
package stripegate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/navvy-go/navvy/jobs/payment"
)

// Defaults of a [Config].
const (
	DefaultCurrency = "usd"
	DefaultTimeout  = 5 * time.Second

	// TestCard is Stripe's card that always pays, in test mode only.
	TestCard = "pm_card_visa"
)

// Metadata of PaymentIntents and refunds: [Gateway.Lookup] searches for the first.
const (
	orderField   = "order_id"
	attemptField = "attempt"     // of the order, if not the first
	partField    = "refund_part" // its name
)

// Payer is who pays an order, and with what.
type Payer struct {
	Customer      string // its ID, cus_…; may be empty
	PaymentMethod string // its ID, pm_…
}

// Config says how a [Gateway] charges.
type Config struct {
	// Key is the secret or restricted API key, sk_… or rk_…. Required.
	Key string

	// Currency is a three-letter ISO code, for orders that have none of their own. Cents are its smallest unit, whatever
	// that is. Defaults to [DefaultCurrency].
	Currency string

	// Payer returns the customer who pays an order. It must give the same answer whenever the same order is charged:
	// Stripe refuses an idempotency key that comes with other parameters. A payment method that the request names comes
	// before it. An error that is [payment.ErrDeclined] or [payment.ErrInvalid] fails the order. Defaults to [TestCard],
	// which a live key cannot charge.
	Payer func(ctx context.Context, request payment.ChargeRequest) (Payer, error)

	// Timeout bounds each try of a call; all of them together are bounded by the context. Defaults to [DefaultTimeout].
	Timeout time.Duration

	// URL is where Stripe is. Defaults to the library's, https://api.stripe.com.
	URL string
}

// Gateway is Stripe as a [payment.Gateway]. It is safe for concurrent use.
type Gateway struct {
	client   *stripe.Client
	http     *http.Client
	currency string
	payer    func(context.Context, payment.ChargeRequest) (Payer, error)
}

// New returns a gateway. It does not call Stripe. Its errors do not repeat the key.
func New(config Config) (*Gateway, error) {
	switch {
	case config.Key == "":
		return nil, errors.New("stripegate: no API key given")
	case strings.HasPrefix(config.Key, "pk_"):
		return nil, errors.New("stripegate: this is a publishable API key; want a secret or restricted one")
	case strings.ContainsFunc(config.Key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("stripegate: the API key holds characters that no key has")
	case config.Timeout < 0:
		return nil, fmt.Errorf("stripegate: a timeout of %s is negative", config.Timeout)
	case config.Currency != "" && len(config.Currency) != 3:
		return nil, fmt.Errorf("stripegate: %q is not a three-letter currency", config.Currency)
	}
	backend := &stripe.BackendConfig{
		HTTPClient: &http.Client{
			Transport: http.DefaultTransport.(*http.Transport).Clone(),
			Timeout:   cmp.Or(config.Timeout, DefaultTimeout),
		},
		LeveledLogger:   &stripe.LeveledLogger{Level: stripe.LevelNull}, // the caller has the errors
		EnableTelemetry: stripe.Bool(false),
	}
	if config.URL != "" {
		backend.URL = stripe.String(config.URL)
	}
	g := &Gateway{
		client:   stripe.NewClient(config.Key, stripe.WithBackends(stripe.NewBackendsWithConfig(backend))),
		http:     backend.HTTPClient,
		currency: strings.ToLower(cmp.Or(config.Currency, DefaultCurrency)),
		payer:    config.Payer,
	}
	if g.payer == nil {
		g.payer = func(context.Context, payment.ChargeRequest) (Payer, error) {
			return Payer{PaymentMethod: TestCard}, nil
		}
	}
	return g, nil
}

// Close ends the connections that are not in use.
func (g *Gateway) Close() { g.http.CloseIdleConnections() }

var _ payment.Gateway = (*Gateway)(nil)
