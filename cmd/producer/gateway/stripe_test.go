package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestStripeReportsThroughTheGateway(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	g, err := gateway.New(gateway.Config{
		Redis: rdb, Namespace: namespace, Auth: gateway.Open{}, StripeSecrets: []string{"whsec_1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	body := `{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1",` +
		`"object":"payment_intent","amount":500,"currency":"usd","metadata":{"order_id":"o-1"}}}}`
	for secret, want := range map[string]int{"whsec_1": 200, "whsec_2": 400} {
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
			Payload: []byte(body), Secret: secret, Timestamp: time.Now(),
		})
		r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
		r.Header.Set("Stripe-Signature", signed.Header)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("signed with %s: status %d (%s), want %d", secret, w.Code, w.Body, want)
		}
	}
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	job, err := inspector.Job(t.Context(), jobs.Orders, "stripe-evt_1")
	if err != nil || job.Kind != "payment.webhook" || !strings.Contains(string(job.Data), `"state":"paid"`) {
		t.Errorf("job: %+v (%v)", job, err)
	}
}
