package stripegate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/stripegate"
)

const secret = "sk_test_123"

var (
	request       = payment.ChargeRequest{IdempotencyKey: "charge:o-1", OrderID: "o-1", Cents: 1999}
	refundRequest = payment.RefundRequest{IdempotencyKey: "refund:o-1", OrderID: "o-1", Charge: "pi_1", Cents: 1999}
)

func open(t *testing.T, url string) *stripegate.Gateway {
	t.Helper()
	gateway, err := stripegate.New(stripegate.Config{Key: secret, URL: url, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gateway.Close)
	return gateway
}

// answering is a Stripe that gives one answer to all, and counts.
func answering(t *testing.T, status int, body string) (*stripegate.Gateway, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Request-Id", "req_1")
		w.Header().Set("Stripe-Should-Retry", "false")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return open(t, server.URL), &calls
}

func failing(kind, code string) string {
	return fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"because"}}`, kind, code)
}

// errUnknown stands for an error that means nothing in particular: the caller asks again.
var errUnknown = errors.New("unknown")

func checkMeaning(t *testing.T, name string, err, want error) {
	t.Helper()
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("%s: error %v", name, err)
	}
	for _, meaning := range []error{
		payment.ErrDeclined, payment.ErrConflict, payment.ErrInvalid, payment.ErrNoCharge, payment.ErrRefundRefused,
	} {
		if errors.Is(err, meaning) != (meaning == want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestWhatErrorsMean(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status         int
		body           string
		charge, refund error
	}{
		"declined":   {402, failing("card_error", "card_declined"), payment.ErrDeclined, payment.ErrDeclined},
		"cardholder": {402, failing("card_error", "authentication_required"), payment.ErrDeclined, payment.ErrDeclined},
		"declined otherwise": {402, failing("invalid_request_error", "payment_method_provider_decline"),
			payment.ErrDeclined, payment.ErrDeclined},
		"key reused": {400, failing("idempotency_error", ""), payment.ErrConflict, payment.ErrConflict},
		"key in use": {409, failing("idempotency_error", "idempotency_key_in_use"), errUnknown, errUnknown},
		"too small": {400, failing("invalid_request_error", "amount_too_small"), payment.ErrInvalid,
			payment.ErrRefundRefused},
		"no such": {404, failing("invalid_request_error", "resource_missing"), payment.ErrInvalid,
			payment.ErrRefundRefused},
		"wrong key": {401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key: ` + secret + `"}}`,
			errUnknown, errUnknown},
		"too many":     {429, failing("invalid_request_error", "rate_limit"), errUnknown, errUnknown},
		"out of order": {500, failing("api_error", ""), errUnknown, errUnknown},
		"not Stripe":   {502, "<html>", errUnknown, errUnknown},
		"nonsense":     {200, "<html>", errUnknown, errUnknown},
	} {
		gateway, calls := answering(t, test.status, test.body)
		_, err := gateway.Charge(t.Context(), request)
		checkMeaning(t, name, err, test.charge)
		_, err = gateway.Refund(t.Context(), refundRequest)
		checkMeaning(t, name+", refund", err, test.refund)
		_, err = gateway.Lookup(t.Context(), request)
		if errors.Is(err, payment.ErrNoCharge) || err == nil {
			t.Errorf("%s, lookup: %v", name, err)
		}
		if calls.Load() < 3 {
			t.Errorf("%s: %d calls", name, calls.Load())
		}
	}
}

func TestWhatAPaymentIntentMeans(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]error{
		"succeeded": nil, "processing": errUnknown, "requires_capture": errUnknown, "requires_confirmation": errUnknown,
		"requires_payment_method": payment.ErrDeclined, "requires_action": payment.ErrDeclined,
		"canceled": payment.ErrDeclined,
	} {
		intent := `{"id":"pi_1","object":"payment_intent","amount":1999,"status":"` + status +
			`","metadata":{"order_id":"o-1"}}`
		charged, _ := answering(t, 200, intent)
		found, _ := answering(t, 200, `{"object":"search_result","data":[`+intent+`]}`)
		for name, ask := range map[string]func(context.Context, payment.ChargeRequest) (payment.Receipt, error){
			"charged, " + status: charged.Charge, "found, " + status: found.Lookup,
		} {
			receipt, err := ask(t.Context(), request)
			if want != nil {
				checkMeaning(t, name, err, want)
			} else if err != nil || receipt != (payment.Receipt{Charge: "pi_1", OrderID: "o-1", Cents: 1999}) {
				t.Errorf("%s: %+v (%v)", name, receipt, err)
			}
		}
	}
	refund, _ := answering(t, 200, `{"id":"re_1","object":"refund","amount":1999,"status":"failed"}`)
	_, err := refund.Refund(t.Context(), refundRequest)
	checkMeaning(t, "refund", err, payment.ErrRefundRefused)
}

func TestLookupAmongSeveral(t *testing.T) {
	t.Parallel()
	intent := func(id, status, order string) string {
		return fmt.Sprintf(`{"id":%q,"object":"payment_intent","amount":1999,"status":%q,"metadata":{"order_id":%q}}`, id,
			status, order)
	}
	failed, first, second := intent("pi_0", "requires_payment_method", "o-1"), intent("pi_1", "succeeded", "o-1"),
		intent("pi_2", "succeeded", "o-1")
	for name, test := range map[string]struct {
		data string
		want error
	}{
		"none":           {"", payment.ErrNoCharge},
		"another's":      {intent("pi_3", "succeeded", "o-11"), payment.ErrNoCharge},
		"failed":         {failed, payment.ErrDeclined},
		"failed, paid":   {failed + "," + first, nil},
		"paid, failed":   {first + "," + failed, nil},
		"paid, twice":    {first + "," + second, payment.ErrConflict},
		"paid, by other": {first + "," + intent("pi_3", "succeeded", "o-11"), nil},
	} {
		gateway, _ := answering(t, 200, `{"object":"search_result","data":[`+test.data+`]}`)
		receipt, err := gateway.Lookup(t.Context(), request)
		if test.want != nil {
			checkMeaning(t, name, err, test.want)
		} else if err != nil || receipt.Charge != "pi_1" {
			t.Errorf("%s: %+v (%v)", name, receipt, err)
		}
	}
}

// The library itself repeats a call whose connection broke.
func TestTriesHaveTheSameKey(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key := r.Header.Get("Idempotency-Key"); key != "charge:o-1" {
			t.Errorf("key %q", key)
		}
		_ = r.ParseForm()
		for name, want := range map[string]string{
			"amount": "1999", "currency": "eur", "confirm": "true", "off_session": "true", "metadata[order_id]": "o-1",
			"customer": "cus_1", "payment_method": "pm_1",
		} {
			if got := r.PostForm.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if calls.Add(1) < 3 {
			panic(http.ErrAbortHandler) // breaks the connection
		}
		_, _ = fmt.Fprint(w, `{"id":"pi_1","object":"payment_intent","amount":1999,"status":"succeeded"}`)
	}))
	defer server.Close()
	gateway, err := stripegate.New(stripegate.Config{
		Key: secret, URL: server.URL, Currency: "EUR",
		Payer: func(context.Context, payment.ChargeRequest) (stripegate.Payer, error) {
			return stripegate.Payer{Customer: "cus_1", PaymentMethod: "pm_1"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	if receipt, err := gateway.Charge(t.Context(), request); err != nil || receipt.Charge != "pi_1" || calls.Load() != 3 {
		t.Errorf("%+v (%v) after %d calls", receipt, err, calls.Load())
	}
}

func TestSlowStripe(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // to its end, so that the caller's leaving is noticed
		<-r.Context().Done()
	}))
	defer server.Close()
	gateway := open(t, server.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := gateway.Charge(ctx, request)
	checkMeaning(t, "charge", err, errUnknown)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("charge: %v, want the context's end", err)
	}
}

func TestNobodyPays(t *testing.T) {
	t.Parallel()
	noCard := errors.New("no card on file")
	gateway, err := stripegate.New(stripegate.Config{
		Key: secret, URL: "http://127.0.0.1:1",
		Payer: func(context.Context, payment.ChargeRequest) (stripegate.Payer, error) {
			return stripegate.Payer{}, noCard
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	if _, err := gateway.Charge(t.Context(), request); !errors.Is(err, noCard) {
		t.Errorf("%v, want the payer's error", err)
	}
}

func TestConfigs(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]stripegate.Config{
		"no key": {}, "publishable": {Key: "pk_test_very"}, "line": {Key: "sk_very\n"},
		"currency": {Key: "sk_very", Currency: "euro"}, "timeout": {Key: "sk_very", Timeout: -1},
	} {
		if _, err := stripegate.New(config); err == nil || strings.Contains(err.Error(), "very") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
