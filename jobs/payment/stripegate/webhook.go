package stripegate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/queue"
)

// DefaultTolerance is how old an event's signature may be unless a [WebhookConfig] says otherwise.
const DefaultTolerance = 5 * time.Minute

// maxEvent is the longest body of an event in bytes. Stripe's are far shorter.
const maxEvent = 512 << 10

// WebhookConfig says what a [Webhook] accepts and where it enqueues.
type WebhookConfig struct {
	// Secrets are what Stripe signs this endpoint's events with, whsec_…: one, or two while it is being rolled.
	// Required.
	Secrets []string

	// Tolerance is how old a signature may be, so that an event that was overheard is not sent again later. Defaults to
	// [DefaultTolerance].
	Tolerance time.Duration

	// Queue is where its jobs go. Defaults to [queue.DefaultQueue].
	Queue string
}

// Webhook is the endpoint that Stripe reports to: an [http.Handler] that checks the signature of an event and enqueues
// a job payment.webhook, whose ID is made of the event's, so that an event is enqueued once however often it is sent.
// It is to get payment_intent.succeeded, .payment_failed, .canceled and .amount_capturable_updated, and
// charge.refunded; other events, and those of PaymentIntents without an order, are accepted and do nothing. It answers
// 400 to what Stripe has not signed, and 503, after which Stripe sends the event again, if the job could not be
// enqueued.
type Webhook struct {
	client *queue.Client
	config WebhookConfig
}

// NewWebhook returns an endpoint that enqueues through the client.
func NewWebhook(client *queue.Client, config WebhookConfig) (*Webhook, error) {
	config.Tolerance = cmp.Or(config.Tolerance, DefaultTolerance)
	config.Queue = cmp.Or(config.Queue, queue.DefaultQueue)
	switch {
	case client == nil:
		return nil, errors.New("stripegate: no client given")
	case len(config.Secrets) == 0:
		return nil, errors.New("stripegate: no secret of a webhook given")
	case config.Tolerance < 0:
		return nil, fmt.Errorf("stripegate: a tolerance of %s is negative", config.Tolerance)
	}
	for _, secret := range config.Secrets {
		if secret == "" {
			return nil, errors.New("stripegate: the secret of a webhook is empty")
		}
	}
	return &Webhook{client, config}, nil
}

// ServeHTTP answers as the type says.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "want a POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		http.Error(w, "the event is too long", http.StatusRequestEntityTooLarge)
		return
	}
	event, err := h.verify(body, r.Header.Get("Stripe-Signature"), err)
	if err != nil {
		http.Error(w, "this is no event that Stripe has signed for this endpoint", http.StatusBadRequest)
		return
	}
	report, known, err := reportOf(event)
	switch {
	case err != nil:
		http.Error(w, "the event is not what its type says", http.StatusBadRequest)
	case known && h.enqueue(r.Context(), report) != nil:
		http.Error(w, "the event could not be enqueued", http.StatusServiceUnavailable)
	}
}

// verify returns the event if one of the secrets has signed it.
func (h *Webhook) verify(body []byte, signature string, err error) (event stripe.Event, _ error) {
	if err != nil {
		return event, err
	}
	options := webhook.ConstructEventOptions{Tolerance: h.config.Tolerance, IgnoreAPIVersionMismatch: true}
	for _, secret := range h.config.Secrets {
		if event, err = webhook.ConstructEventWithOptions(body, signature, secret, options); err == nil {
			break
		}
	}
	if err == nil && event.ID == "" {
		err = errors.New("stripegate: an event without an ID")
	}
	return event, err
}

func (h *Webhook) enqueue(ctx context.Context, report payment.Webhook) error {
	_, err := h.client.Enqueue(ctx, report, queue.On(h.config.Queue), queue.ID("stripe-"+report.Event))
	return err
}

// reportOf is what an event says of an order; known is false if it says nothing.
func reportOf(event stripe.Event) (report payment.Webhook, known bool, err error) {
	states := map[stripe.EventType]payment.State{
		stripe.EventTypePaymentIntentSucceeded:               payment.Paid,
		stripe.EventTypePaymentIntentAmountCapturableUpdated: payment.Authorized,
		stripe.EventTypePaymentIntentPaymentFailed:           payment.Failed,
		stripe.EventTypePaymentIntentCanceled:                payment.Cancelled,
		stripe.EventTypeChargeRefunded:                       payment.Refunded,
	}
	state, ok := states[event.Type]
	switch {
	case !ok:
		return report, false, nil
	case event.Data == nil:
		return report, false, errors.New("stripegate: an event without data")
	case state == payment.Refunded:
		report, err = reportOfCharge(event.Data.Raw)
	default:
		report, err = reportOfIntent(event.Data.Raw)
	}
	report.Event, report.State = event.ID, state
	return report, report.OrderID != "" && report.Charge != "", err
}

func reportOfIntent(data []byte) (payment.Webhook, error) {
	var intent stripe.PaymentIntent
	if err := json.Unmarshal(data, &intent); err != nil {
		return payment.Webhook{}, err
	}
	report := payment.Webhook{
		OrderID: intent.Metadata[orderField], Cents: intent.Amount, Charge: intent.ID, Currency: string(intent.Currency),
		Attempt: attemptOf(&intent),
	}
	if said := intent.LastPaymentError; said != nil {
		report.Failure = "stripe: " + describe(said)
	}
	return report, nil
}

// reportOfCharge reads a charge, which has its PaymentIntent's metadata.
func reportOfCharge(data []byte) (payment.Webhook, error) {
	var charge stripe.Charge
	if err := json.Unmarshal(data, &charge); err != nil {
		return payment.Webhook{}, err
	}
	report := payment.Webhook{
		OrderID: charge.Metadata[orderField], Cents: charge.Amount, Currency: string(charge.Currency),
		Refunded: charge.AmountRefunded,
	}
	if charge.PaymentIntent != nil {
		report.Charge = charge.PaymentIntent.ID
	}
	return report, nil
}

var _ http.Handler = (*Webhook)(nil)
