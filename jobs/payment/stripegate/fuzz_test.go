package stripegate

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"
)

// No event counts but one that a secret of the endpoint has signed, and one that counts is read or refused.
func FuzzSignatures(f *testing.F) {
	h := &Webhook{config: WebhookConfig{Secrets: []string{"whsec_a", "whsec_b"}, Tolerance: DefaultTolerance}}
	body := `{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1",` +
		`"amount":1,"currency":"usd","status":"succeeded","metadata":{"order_id":"o-1"}}}}`
	for _, seed := range []string{
		"", "t=1,v1=00", "t=99999999999999999999,v1=", "v1=a,v1=b,t=", "t=1,t=2,v1=\xff", "t=-1,v0=aa", "=,=,=",
	} {
		f.Add(body, seed)
		f.Add(`{"id":"evt_1","type":"charge.refunded","data":{"object":[]}}`, seed)
	}
	f.Fuzz(func(t *testing.T, body, signature string) {
		if event, err := h.verify([]byte(body), signature, nil); err == nil {
			t.Errorf("%q counts with %q: %+v", body, signature, event)
		}
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
			Payload: []byte(body), Secret: "whsec_b", Timestamp: time.Now(),
		})
		event, err := h.verify([]byte(body), signed.Header, nil)
		if err != nil {
			return
		}
		report, known, err := reportOf(event)
		if known && err == nil && (report.Event == "" || report.OrderID == "") {
			t.Errorf("%q reports %+v", body, report)
		}
	})
}
