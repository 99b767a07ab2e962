package simgate_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
)

// serve runs a simulated gateway on a socket until the test ends.
func serve(t *testing.T, simulation simgate.Simulation, timeout time.Duration) (*simgate.Client, *simgate.Listener) {
	t.Helper()
	server, err := simgate.NewServer(simulation)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := server.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, err := simgate.NewClient(listener.URL, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if err := listener.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return client, listener
}

var request = payment.ChargeRequest{IdempotencyKey: "charge/o-1 &c", OrderID: "o-1", Cents: 1999}

func wantLedger(t *testing.T, client *simgate.Client, charges, refunds int) simgate.Ledger {
	t.Helper()
	ledger, err := client.Ledger(context.WithoutCancel(t.Context()))
	if err != nil || len(ledger.Charges) != charges || len(ledger.Refunds) != refunds {
		t.Errorf("ledger: %+v (%v), want %d charges and %d refunds", ledger, err, charges, refunds)
	}
	return ledger
}

func TestOneKeyIsChargedOnce(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, simgate.Simulation{}, 0)
	if _, err := client.Lookup(t.Context(), request); !errors.Is(err, payment.ErrNoCharge) {
		t.Errorf("Lookup before: %v, want ErrNoCharge", err)
	}
	first, err := client.Charge(t.Context(), request)
	if err != nil || first.Charge == "" || first.OrderID != "o-1" || first.Cents != 1999 {
		t.Fatalf("Charge: %+v (%v)", first, err)
	}
	if second, err := client.Charge(t.Context(), request); err != nil || second != first {
		t.Errorf("again: %+v (%v), want %+v", second, err, first)
	}
	if found, err := client.Lookup(t.Context(), request); err != nil || found != first {
		t.Errorf("Lookup: %+v (%v), want %+v", found, err, first)
	}
	other := request
	other.Cents++
	if _, err := client.Charge(t.Context(), other); !errors.Is(err, payment.ErrConflict) {
		t.Errorf("the key with another amount: %v, want ErrConflict", err)
	}
	ledger := wantLedger(t, client, 1, 0)
	if ledger.Charges[0] != first || ledger.Calls != 3 || ledger.Replayed != 1 || ledger.Reused != 1 ||
		ledger.Lookups != 2 || ledger.Found != 1 {
		t.Errorf("ledger: %+v", ledger)
	}
}

// An order that is charged under two keys is in the ledger twice: that is what a ledger is for.
func TestTwoKeysAreChargedTwice(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, simgate.Simulation{}, 0)
	other := request
	other.IdempotencyKey = "another"
	for _, r := range []payment.ChargeRequest{request, other} {
		if _, err := client.Charge(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	wantLedger(t, client, 2, 0)
}

func TestADeclineIsRemembered(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, simgate.Simulation{Declines: 1}, 0)
	for range 2 {
		if _, err := client.Charge(t.Context(), request); !errors.Is(err, payment.ErrDeclined) {
			t.Errorf("Charge: %v, want ErrDeclined", err)
		}
	}
	if _, err := client.Lookup(t.Context(), request); !errors.Is(err, payment.ErrDeclined) {
		t.Errorf("Lookup: %v, want ErrDeclined", err)
	}
	if ledger := wantLedger(t, client, 0, 0); ledger.Declined != 1 || ledger.Replayed != 1 {
		t.Errorf("ledger: %+v", ledger)
	}
}

func TestAFailureChargesNothing(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, simgate.Simulation{Failures: 1}, 0)
	other := request
	other.Cents++
	for _, r := range []payment.ChargeRequest{request, request, other} { // the key is not bound to what failed
		_, err := client.Charge(t.Context(), r)
		if err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("Charge: %v, want a failure", err)
		}
	}
	if _, err := client.Lookup(t.Context(), request); err == nil || errors.Is(err, payment.ErrNoCharge) {
		t.Errorf("Lookup: %v, want a failure", err)
	}
	if ledger := wantLedger(t, client, 0, 0); ledger.Failed != 3 {
		t.Errorf("ledger: %+v", ledger)
	}
}

func TestATimeOutComesAfterTheCharge(t *testing.T) {
	t.Parallel()
	client, listener := serve(t, simgate.Simulation{Timeouts: 1}, 250*time.Millisecond)
	if _, err := client.Charge(t.Context(), request); err == nil || errors.Is(err, payment.ErrDeclined) {
		t.Errorf("Charge: %v, want a time-out", err)
	}
	if _, err := client.Lookup(t.Context(), request); err == nil || errors.Is(err, payment.ErrNoCharge) {
		t.Errorf("Lookup: %v, want a time-out", err)
	}
	await(t, func() bool { return len(ledgerOf(t, listener).Charges) == 1 })
	if ledger := ledgerOf(t, listener); ledger.Unanswered != 1 {
		t.Errorf("ledger: %+v", ledger)
	}

	// A caller that does not give up is cut off when the gateway closes.
	patient, err := simgate.NewClient(listener.URL, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer patient.Close()
	ended := make(chan error, 1)
	go func() {
		other := request
		other.IdempotencyKey = "another"
		_, err := patient.Charge(context.WithoutCancel(t.Context()), other)
		ended <- err
	}()
	await(t, func() bool { return len(ledgerOf(t, listener).Charges) == 2 })
	if err := listener.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the patient caller was answered")
	}
}

// await polls until something is so, for 30 s at the most.
func await(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(time.Millisecond); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to pass")
		}
	}
}

// ledgerOf asks with a client that is not in a hurry.
func ledgerOf(t *testing.T, listener *simgate.Listener) simgate.Ledger {
	t.Helper()
	client, err := simgate.NewClient(listener.URL, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ledger, err := client.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}

func TestCallsAreAnsweredInTheEnd(t *testing.T) {
	t.Parallel()
	client, listener := serve(t, simgate.Simulation{Failures: 0.3, Timeouts: 0.3, Seed: 3}, 50*time.Millisecond)
	var wg sync.WaitGroup
	for n := range 20 {
		r := request
		r.IdempotencyKey += string(rune('a' + n))
		wg.Go(func() {
			for tries := 0; ; tries++ {
				if _, err := client.Charge(t.Context(), r); err == nil {
					return
				} else if tries > 200 {
					t.Errorf("%s: still %v", r.IdempotencyKey, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if ledger := ledgerOf(t, listener); len(ledger.Charges) != 20 || ledger.Failed == 0 || ledger.Unanswered == 0 ||
		ledger.Replayed == 0 {
		t.Errorf("ledger: %+v", ledger)
	}
}

func TestAKeyInUseIsRefused(t *testing.T) {
	t.Parallel()
	client, listener := serve(t, simgate.Simulation{Latency: 300 * time.Millisecond}, 0)
	ended := make(chan error, 1)
	go func() {
		_, err := client.Charge(t.Context(), request)
		ended <- err
	}()
	await(t, func() bool { return ledgerOf(t, listener).Calls == 1 })
	_, err := client.Charge(t.Context(), request)
	if err == nil || !strings.Contains(err.Error(), "under way") || errors.Is(err, payment.ErrConflict) {
		t.Errorf("Charge meanwhile: %v, want a refusal for now", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the first Charge: %v", err)
	}
	wantLedger(t, client, 1, 0)
}

// A provider goes on with a charge whose caller has gone.
func TestACallerThatGoesIsChargedAllTheSame(t *testing.T) {
	t.Parallel()
	client, listener := serve(t, simgate.Simulation{Latency: 100 * time.Millisecond}, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := client.Charge(ctx, request)
		ended <- err
	}()
	await(t, func() bool { return ledgerOf(t, listener).Calls == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("Charge: %v, want the context's end", err)
	}
	await(t, func() bool {
		_, err := client.Lookup(t.Context(), request)
		return err == nil
	})
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, simgate.Simulation{}, 0)
	receipt, err := client.Charge(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	refund := payment.RefundRequest{IdempotencyKey: "refund:o-1", OrderID: "o-1", Charge: receipt.Charge, Cents: 1999}
	first, err := client.Refund(t.Context(), refund)
	if err != nil || first.Refund == "" || first.Charge != receipt.Charge || first.OrderID != "o-1" ||
		first.Cents != 1999 {
		t.Fatalf("Refund: %+v (%v)", first, err)
	}
	if second, err := client.Refund(t.Context(), refund); err != nil || second != first {
		t.Errorf("again: %+v (%v), want %+v", second, err, first)
	}
	for name, change := range map[string]func(*payment.RefundRequest){
		"twice":          func(*payment.RefundRequest) {},
		"no charge":      func(r *payment.RefundRequest) { r.Charge = "ch_0" },
		"another amount": func(r *payment.RefundRequest) { r.Cents = 5 },
		"another order":  func(r *payment.RefundRequest) { r.OrderID = "o-2" },
	} {
		r := refund
		r.IdempotencyKey = name
		change(&r)
		if _, err := client.Refund(t.Context(), r); !errors.Is(err, payment.ErrRefundRefused) {
			t.Errorf("%s: %v, want ErrRefundRefused", name, err)
		}
	}
	refund.IdempotencyKey = request.IdempotencyKey
	if _, err := client.Refund(t.Context(), refund); !errors.Is(err, payment.ErrConflict) {
		t.Errorf("with the key of the charge: %v, want ErrConflict", err)
	}
	wantLedger(t, client, 1, 1)
}

func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	client, listener := serve(t, simgate.Simulation{}, 0)
	for _, r := range []payment.ChargeRequest{
		{OrderID: "o-1", Cents: 5},
		{IdempotencyKey: strings.Repeat("k", 256), OrderID: "o-1", Cents: 5},
		{IdempotencyKey: "k", Cents: 5},
		{IdempotencyKey: "k", OrderID: "o-1"},
		{IdempotencyKey: "k", OrderID: "o-1", Cents: -5},
		{IdempotencyKey: "k", OrderID: strings.Repeat("o", 20<<10), Cents: 5},
	} {
		if _, err := client.Charge(t.Context(), r); !errors.Is(err, payment.ErrInvalid) {
			t.Errorf("%.80v: %v, want ErrInvalid", r, err)
		}
	}
	for path, want := range map[string]int{"/nowhere": http.StatusNotFound, "/v1/refunds": http.StatusMethodNotAllowed} {
		response, err := http.Get(listener.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, response.Status, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	wantLedger(t, client, 0, 0)
}

func TestWhatCannotBeSimulated(t *testing.T) {
	t.Parallel()
	for _, s := range []simgate.Simulation{
		{Failures: -0.1}, {Timeouts: 1.1}, {Declines: math.NaN()}, {Failures: 0.6, Timeouts: 0.6},
		{Latency: -1}, {Latency: time.Hour},
	} {
		if _, err := simgate.NewServer(s); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "127.0.0.1:9090", "ftp://a", "http://", "http://u:secret@a", "http://a\n"} {
		_, err := simgate.NewClient(address, 0)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := simgate.NewClient("http://a", -1); err == nil {
		t.Error("a negative timeout: no error")
	}
	server, err := simgate.NewServer(simgate.Simulation{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Listen(t.Context(), "256.0.0.1:1"); err == nil {
		t.Error("Listen: no error")
	}
}

func TestAnotherServerIsNotUnderstood(t *testing.T) {
	t.Parallel()
	client, listener := serve(t, simgate.Simulation{}, 0)
	_ = listener.Close()
	if _, err := client.Charge(t.Context(), request); err == nil || errors.Is(err, payment.ErrDeclined) {
		t.Errorf("Charge at nobody: %v", err)
	}
}
