package stripegate_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/stripegate"
	"github.com/navvy-go/navvy/queue"
)

// event is one as Stripe sends it.
func event(id, kind, object string) string {
	const form = `{"id":%q,"object":"event","api_version":"2024-06-20","type":%q,"data":{"object":%s}}`
	return fmt.Sprintf(form, id, kind, object)
}

// send sends an event, signed at that time with that secret, and returns the status.
func send(h http.Handler, body, secret string, at time.Time) int {
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
		Payload: []byte(body), Secret: secret, Timestamp: at,
	})
	r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
	r.Header.Set("Stripe-Signature", signed.Header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func newEndpoint(t *testing.T, gateway payment.Gateway) (http.Handler, *jobtest.Fleet, *payment.Service) {
	t.Helper()
	rdb := redistest.New(t).Client(t)
	service, mux := payment.New(rdb, nil, gateway), queue.NewMux()
	service.Register(mux)
	fleet := jobtest.Start(t, rdb, mux, nil)
	config := stripegate.WebhookConfig{Secrets: []string{"whsec_new", "whsec_old"}}
	endpoint, err := stripegate.NewWebhook(fleet.Client, config)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint, fleet, service
}

func TestWebhookRefusesWhatStripeHasNotSigned(t *testing.T) {
	t.Parallel()
	endpoint, fleet, _ := newEndpoint(t, open(t, "http://127.0.0.1:1"))
	paid := event("evt_1", "payment_intent.succeeded", intent("pi_1", "succeeded", "usd", 1999, "o-1"))
	now := time.Now()
	for name, test := range map[string]struct {
		body, secret string
		at           time.Time
		want         int
	}{
		"another secret": {paid, "whsec_other", now, 400},
		"too old":        {paid, "whsec_new", now.Add(-6 * time.Minute), 400},
		"not JSON":       {"x", "whsec_new", now, 400},
		"no ID":          {event("", "payment_intent.succeeded", "{}"), "whsec_new", now, 400},
		"another type":   {event("evt_2", "customer.created", "{}"), "whsec_new", now, 200},
		"no order": {event("evt_3", "payment_intent.succeeded", `{"id":"pi_1","object":"payment_intent"}`), "whsec_old", now,
			200},
		"wrong data": {event("evt_4", "payment_intent.succeeded", "[]"), "whsec_new", now, 400},
		"too long":   {strings.Repeat(" ", 600<<10), "whsec_new", now, 413},
	} {
		if got := send(endpoint, test.body, test.secret, test.at); got != test.want {
			t.Errorf("%s: status %d, want %d", name, got, test.want)
		}
	}
	w := httptest.NewRecorder()
	endpoint.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(paid)))
	if w.Code != 400 {
		t.Errorf("no signature: status %d", w.Code)
	}
	w = httptest.NewRecorder()
	endpoint.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 405 {
		t.Errorf("GET: status %d", w.Code)
	}
	info, err := fleet.Inspector.Queue(t.Context(), queue.DefaultQueue)
	if err != nil || info.Totals.Done+info.Waiting+info.InFlight+info.Dead != 0 {
		t.Errorf("jobs were enqueued: %+v (%v)", info, err)
	}
}

// Each event is sent twice, and each order's come in an order of their own.
func TestWebhooksBringOrdersUpToDate(t *testing.T) {
	t.Parallel()
	refunded := func(order string, cents int) string {
		return fmt.Sprintf(`{"id":"ch_1","object":"charge","amount":1999,"amount_refunded":%d,"currency":"usd",`+
			`"payment_intent":"pi_1","metadata":{"order_id":%q}}`, cents, order)
	}
	of := func(status string) func(string) string {
		return func(order string) string { return intent("pi_1", status, "usd", 1999, order) }
	}
	s := &stripe{charge: always(500, failing("api_error", "")), search: nothingFound}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	endpoint, fleet, service := newEndpoint(t, open(t, server.URL))
	type sent struct {
		kind   string
		object func(order string) string
	}
	failed := sent{"payment_intent.payment_failed", of("requires_payment_method")}
	paid := sent{"payment_intent.succeeded", of("succeeded")}
	held := sent{"payment_intent.amount_capturable_updated", of("requires_capture")}
	gone := sent{"payment_intent.canceled", of("canceled")}
	part := sent{"charge.refunded", func(order string) string { return refunded(order, 500) }}
	whole := sent{"charge.refunded", func(order string) string { return refunded(order, 1999) }}
	for order, test := range map[string]struct {
		events []sent
		want   payment.State
	}{
		"paid": {[]sent{paid}, payment.Paid}, "failed": {[]sent{failed}, payment.Failed},
		"failed-paid": {[]sent{failed, paid}, payment.Paid}, "paid-failed": {[]sent{paid, failed}, payment.Paid},
		"held": {[]sent{held}, payment.Authorized}, "held-gone": {[]sent{held, gone}, payment.Failed},
		"held-paid": {[]sent{held, paid}, payment.Paid}, "paid-held": {[]sent{paid, held}, payment.Paid},
		"part": {[]sent{paid, part}, payment.Paid}, "whole": {[]sent{paid, part, whole}, payment.Refunded},
		"backwards": {[]sent{whole, part, paid}, payment.Refunded},
	} {
		if _, err := service.Charge(t.Context(), payment.Charge{OrderID: order, Cents: 1999}); err == nil {
			t.Fatalf("%s: it was charged", order)
		}
		for i, sent := range test.events {
			id := fmt.Sprintf("evt_%s_%d", order, i)
			for range 2 {
				if got := send(endpoint, event(id, sent.kind, sent.object(order)), "whsec_new", time.Now()); got != 200 {
					t.Errorf("%s: status %d", id, got)
				}
			}
			ended := fleet.Await(t, func(e queue.Event) bool {
				return e.Job == "stripe-"+id && (e.Type == queue.EventDone || e.Type == queue.EventDead)
			})
			if ended.Type != queue.EventDone {
				t.Errorf("%s: %s (%v)", id, ended.Type, ended.Err)
			}
		}
		got, err := service.Order(t.Context(), order)
		if err != nil || got.State != test.want {
			t.Errorf("%s: %+v (%v), want it %s", order, got, err, test.want)
		}
		if refunds := got.Refunds(); order == "part" && (len(refunds) != 1 || refunds[0].Cents != 500) {
			t.Errorf("refunds: %+v, want one of 500 cents", refunds)
		}
	}
}

func TestWebhookConfigs(t *testing.T) {
	t.Parallel()
	client, err := queue.NewClient(redistest.Shared(t).Client(t), queue.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	for name, config := range map[string]stripegate.WebhookConfig{
		"no secret": {}, "empty secret": {Secrets: []string{""}}, "tolerance": {Secrets: []string{"s"}, Tolerance: -1},
	} {
		if _, err := stripegate.NewWebhook(client, config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := stripegate.NewWebhook(nil, stripegate.WebhookConfig{Secrets: []string{"s"}}); err == nil {
		t.Error("no client: no error")
	}
}
