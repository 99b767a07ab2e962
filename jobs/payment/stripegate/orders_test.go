package stripegate_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/stripegate"
)

// route is what a scripted Stripe answers to one of its calls.
type route func(r *http.Request) (status int, body string)

// stripe answers as it is scripted, and keeps what it was asked for.
type stripe struct {
	charge, search, refund, list, capture, cancel, retrieve route

	mu      sync.Mutex
	charges []map[string]string // guarded by mu; with the key
}

func (s *stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.ParseForm()
	w.Header().Set("Stripe-Should-Retry", "false")
	path, _ := strings.CutPrefix(r.URL.Path, "/v1")
	answer := map[string]route{
		"GET /payment_intents/search": s.search, "POST /payment_intents": s.charge, "POST /refunds": s.refund,
		"GET /refunds": s.list, "POST /payment_intents/pi_1/capture": s.capture,
		"POST /payment_intents/pi_1/cancel": s.cancel, "GET /payment_intents/pi_1": s.retrieve,
	}[r.Method+" "+path]
	if path == "/payment_intents" {
		asked := map[string]string{"key": r.Header.Get("Idempotency-Key")}
		for name := range r.PostForm {
			asked[name] = r.PostForm.Get(name)
		}
		s.charges = append(s.charges, asked)
	}
	status, body := 404, failing("invalid_request_error", "no_route")
	if answer != nil {
		status, body = answer(r)
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}

func always(status int, body string) route {
	return func(*http.Request) (int, string) { return status, body }
}

var nothingFound = always(200, `{"object":"search_result","data":[]}`)

func found(intents ...string) route {
	return always(200, `{"object":"search_result","data":[`+strings.Join(intents, ",")+`]}`)
}

func intent(id, status, currency string, cents int, order string) string {
	return fmt.Sprintf(`{"id":%q,"object":"payment_intent","status":%q,"amount":%d,"currency":%q,`+
		`"metadata":{"order_id":%q}}`, id, status, cents, currency, order)
}

// service returns one that charges at a scripted Stripe.
func (s *stripe) service(t *testing.T) (*payment.Service, *payment.RedisStore, *redis.Client) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	rdb := redistest.New(t).Client(t)
	store := payment.NewRedisStore(rdb)
	return payment.New(rdb, store, open(t, server.URL)), store, rdb
}

func wantState(t *testing.T, store payment.Store, id string, want payment.State) payment.Order {
	t.Helper()
	order, err := store.Get(t.Context(), id)
	if err != nil || order.State != want {
		t.Errorf("%s: %+v (%v), want it %s", id, order, err, want)
	}
	return order
}

// process leaves an order in processing, as a worker does that dies.
func process(t *testing.T, store payment.Store, rdb *redis.Client, id string) {
	t.Helper()
	_, err := store.Create(t.Context(), id, 1999)
	if err == nil {
		_, err = store.Move(t.Context(), payment.Move{
			OrderID: id, From: payment.Pending, To: payment.Processing, Cents: 1999, Token: 1,
		})
	}
	if err == nil {
		err = rdb.ZIncrBy(t.Context(), "orders:processing", -float64(time.Hour.Milliseconds()), id).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatStripeRefusesForGoodFailsTheOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status     int
		kind, code string
		want       error
	}{
		"amount":         {400, "invalid_request_error", "amount_too_small", payment.ErrInvalid},
		"decline":        {402, "card_error", "card_declined", payment.ErrDeclined},
		"late decline":   {400, "card_error", "card_declined", payment.ErrDeclined},
		"authentication": {402, "invalid_request_error", "payment_intent_authentication_failure", payment.ErrDeclined},
		"provider":       {402, "invalid_request_error", "payment_method_provider_decline", payment.ErrDeclined},
		"missing":        {404, "invalid_request_error", "resource_missing", payment.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripe{search: nothingFound, charge: always(test.status, failing(test.kind, test.code))}
			service, store, _ := s.service(t)
			if _, err := service.Charge(t.Context(), payment.Charge{OrderID: "o", Cents: 30}); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if order := wantState(t, store, "o", payment.Failed); !strings.Contains(order.Failure, test.code) {
				t.Errorf("failure %q, want the reason", order.Failure)
			}
			_, err := service.Refund(t.Context(), payment.Refund{OrderID: "o"})
			if !errors.Is(err, payment.ErrNotPaid) {
				t.Errorf("refund: %v, want ErrNotPaid", err)
			}
		})
	}
}

func TestWhatPassesLeavesTheOrderInProcessing(t *testing.T) {
	t.Parallel()
	for status, failure := range map[int]string{
		429: failing("invalid_request_error", "rate_limit"), 409: failing("idempotency_error", "idempotency_key_in_use"),
		401: failing("invalid_request_error", ""), 403: failing("invalid_request_error", ""), 424: failing("api_error", ""),
	} {
		s := &stripe{search: nothingFound, charge: always(status, failure)}
		service, store, _ := s.service(t)
		_, err := service.Charge(t.Context(), payment.Charge{OrderID: "o", Cents: 30})
		checkMeaning(t, failure, err, errUnknown)
		wantState(t, store, "o", payment.Processing)
	}
}

// Neither orders that are refused for good nor those that are undecided keep a sweep from the others.
func TestReconcilePassesOverWhatCannotBeSettled(t *testing.T) {
	t.Parallel()
	s := &stripe{
		search: func(r *http.Request) (int, string) {
			if strings.Contains(r.Form.Get("query"), "undecided") {
				id := strings.Trim(strings.SplitN(r.Form.Get("query"), ":", 2)[1], `"`)
				return found(intent("pi_2", "processing", "usd", 1999, id))(r)
			}
			return nothingFound(r)
		},
		charge: func(r *http.Request) (int, string) {
			if order := r.Form.Get("metadata[order_id]"); order == "good" {
				return 200, intent("pi_1", "succeeded", "usd", 1999, order)
			}
			return 400, failing("invalid_request_error", "amount_too_small")
		},
	}
	service, store, rdb := s.service(t)
	for i := range 12 {
		process(t, store, rdb, fmt.Sprint("a-refused-", i))
		process(t, store, rdb, fmt.Sprint("b-undecided-", i))
	}
	rdb.Set(t.Context(), "order:c-not-an-order", "a string", 0)
	rdb.ZAdd(t.Context(), "orders:processing", redis.Z{Score: 1, Member: "c-not-an-order"})
	process(t, store, rdb, "good")
	done, err := service.Reconcile(t.Context(), payment.Reconcile{})
	want := payment.Reconciliation{Seen: 26, Paid: 1, Failed: 12, Unsettled: 13}
	if err != nil || done != want {
		t.Errorf("got %+v (%v), want %+v", done, err, want)
	}
	wantState(t, store, "good", payment.Paid)
}

// Stripe forgets a key after a day: a refund that was given and not recorded is then refused with this code.
func TestRefundThatStripeGaveIsRecordedWhenAskedAgain(t *testing.T) {
	t.Parallel()
	already := always(400, failing("invalid_request_error", "charge_already_refunded"))
	listed := always(200, `{"object":"list","data":[{"id":"re_2","object":"refund","amount":499,`+
		`"metadata":{"refund_part":"other"}},{"id":"re_1","object":"refund","amount":1999,"metadata":{}}]}`)
	for name, test := range map[string]struct {
		list route
		want string
	}{"listed": {listed, "re_1"}, "not listed": {already, "refund of pi_1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripe{charge: always(200, intent("pi_1", "succeeded", "usd", 1999, "o-1")), refund: already, list: test.list}
			service, store, _ := s.service(t)
			if _, err := service.Charge(t.Context(), payment.Charge{OrderID: "o-1", Cents: 1999}); err != nil {
				t.Fatal(err)
			}
			receipt, err := service.Refund(t.Context(), payment.Refund{OrderID: "o-1"})
			if err != nil || receipt.Refund != test.want || receipt.Cents != 1999 {
				t.Errorf("got %+v (%v), want %s", receipt, err, test.want)
			}
			wantState(t, store, "o-1", payment.Refunded)
		})
	}
}

func TestLookupComparesCurrencyAndAmount(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]string{
		"currency": intent("pi_yen", "succeeded", "jpy", 1999, "o-1"),
		"amount":   intent("pi_less", "succeeded", "usd", 999, "o-1"),
	} {
		s := &stripe{search: found(other), charge: always(500, failing("api_error", ""))}
		service, store, rdb := s.service(t)
		process(t, store, rdb, "o-1")
		_, err := service.Charge(t.Context(), payment.Charge{OrderID: "o-1", Cents: 1999})
		if !errors.Is(err, payment.ErrConflict) {
			t.Errorf("another %s: got %v, want ErrConflict", name, err)
		}
	}
}

func TestAnotherCardIsANewAttemptWithAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	declined := `{"id":"pi_0","object":"payment_intent","status":"requires_payment_method","amount":1999,` +
		`"currency":"eur","metadata":{"order_id":"o-1"}}`
	s := &stripe{search: found(declined), charge: func(r *http.Request) (int, string) {
		switch r.Form.Get("payment_method") {
		case "pm_good":
			return 200, intent("pi_1", "succeeded", "eur", 1999, "o-1")
		case "pm_slow":
			return 500, failing("api_error", "")
		}
		return 402, failing("card_error", "card_declined")
	}}
	service, store, _ := s.service(t)
	charge := payment.Charge{OrderID: "o-1", Cents: 1999, Currency: "EUR", PaymentMethod: "pm_bad"}
	for range 2 { // the same attempt is asked for once
		if _, err := service.Charge(t.Context(), charge); !errors.Is(err, payment.ErrDeclined) {
			t.Errorf("first card: %v, want ErrDeclined", err)
		}
	}
	charge.Attempt, charge.PaymentMethod = 2, "pm_slow"
	if _, err := service.Charge(t.Context(), charge); err == nil || errors.Is(err, payment.ErrDeclined) {
		t.Errorf("second card, without an answer: %v", err)
	}
	charge.Attempt = 3
	if _, err := service.Charge(t.Context(), charge); err == nil || errors.Is(err, payment.ErrConflict) {
		t.Errorf("third attempt before the second is settled: %v, want an error that passes", err)
	}
	charge.Attempt, s.charge = 2, always(402, failing("card_error", "expired_card"))
	if _, err := service.Charge(t.Context(), charge); !errors.Is(err, payment.ErrDeclined) {
		t.Errorf("second card: %v, want ErrDeclined", err)
	}
	s.charge = always(200, intent("pi_1", "succeeded", "eur", 1999, "o-1"))
	charge.Attempt, charge.PaymentMethod = 3, "pm_good"
	receipt, err := service.Charge(t.Context(), charge)
	if err != nil || receipt.Charge != "pi_1" || receipt.Currency != "eur" {
		t.Errorf("third card: %+v (%v)", receipt, err)
	}
	charge.Attempt = 4
	if again, err := service.Charge(t.Context(), charge); err != nil || again != receipt {
		t.Errorf("an attempt after it is paid: %+v (%v), want the receipt", again, err)
	}
	want := []string{"charge:o-1 pm_bad ", "charge-2:o-1 pm_slow 2", "charge-2:o-1 pm_slow 2", "charge-3:o-1 pm_good 3"}
	for i, asked := range s.charges {
		got := asked["key"] + " " + asked["payment_method"] + " " + asked["metadata[attempt]"]
		if i >= len(want) || got != want[i] || asked["currency"] != "eur" {
			t.Errorf("charge %d: %v, want %q", i, asked, want)
		}
	}
	wantState(t, store, "o-1", payment.Paid)
}

func TestStripeHoldsMoneyAndTakesItLater(t *testing.T) {
	t.Parallel()
	held := always(200, intent("pi_1", "requires_capture", "usd", 1999, "o-1"))
	unexpected := always(400, failing("invalid_request_error", "payment_intent_unexpected_state"))
	for name, test := range map[string]struct {
		stripe  *stripe
		capture error
		cancel  error
		ends    payment.State
	}{
		"captured": {&stripe{capture: always(200, intent("pi_1", "succeeded", "usd", 1999, "o-1"))}, nil,
			payment.ErrConflict, payment.Paid},
		"captured before": {&stripe{capture: unexpected,
			retrieve: always(200, intent("pi_1", "succeeded", "usd", 1999, "o-1"))}, nil, payment.ErrConflict, payment.Paid},
		"expired": {&stripe{capture: unexpected,
			retrieve: always(200, intent("pi_1", "canceled", "usd", 1999, "o-1"))}, payment.ErrDeclined, nil, payment.Cancelled},
		"out of order": {&stripe{capture: always(500, failing("api_error", "")),
			cancel: always(200, intent("pi_1", "canceled", "usd", 1999, "o-1"))}, errUnknown, nil, payment.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.stripe
			s.charge = held
			service, store, _ := s.service(t)
			receipt, err := service.Charge(t.Context(), payment.Charge{
				OrderID: "o-1", Cents: 1999, Capture: payment.CaptureLater,
			})
			if err != nil || !receipt.Authorized || s.charges[0]["capture_method"] != "manual" {
				t.Fatalf("charge: %+v (%v), asked %v", receipt, err, s.charges)
			}
			wantState(t, store, "o-1", payment.Authorized)
			if _, err := service.Capture(t.Context(), payment.Capture{OrderID: "o-1"}); test.capture != errUnknown &&
				!errors.Is(err, test.capture) || (err == nil) != (test.capture == nil) {
				t.Errorf("capture: %v, want %v", err, test.capture)
			}
			if _, err := service.Cancel(t.Context(), payment.Cancel{OrderID: "o-1"}); !errors.Is(err, test.cancel) {
				t.Errorf("cancel: %v, want %v", err, test.cancel)
			}
			wantState(t, store, "o-1", test.ends)
		})
	}
}

var _ payment.Authorizer = (*stripegate.Gateway)(nil)
