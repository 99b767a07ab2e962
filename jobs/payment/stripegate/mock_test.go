package stripegate_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/jobs/payment"
)

// startMock runs Stripe's own mock server, which checks each request against Stripe's API, and returns its URL.
func startMock(t *testing.T) *url.URL {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stripe-mock")
	build := exec.Command("go", "build", "-modfile=../../../tools/go.mod", "-o", program, "github.com/stripe/stripe-mock")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build stripe-mock: %v\n%s", err, out)
	}
	mock := exec.CommandContext(t.Context(), program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	out, err := mock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		defer close(address)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, at, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
				address <- at
			}
		}
	}()
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		<-drained
		_ = mock.Wait()
	})
	at, ok := <-address
	if !ok {
		t.Fatal("stripe-mock did not say where it listens")
	}
	return &url.URL{Scheme: "http", Host: at}
}

// succeeding is a server in front of the mock, whose PaymentIntents all are as they were created, that makes them
// succeed.
func succeeding(t *testing.T, mock *url.URL) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(mock)
	transport := &http.Transport{DisableKeepAlives: true}
	proxy.Transport = transport
	proxy.ModifyResponse = func(response *http.Response) error {
		body, err := io.ReadAll(response.Body)
		body = bytes.ReplaceAll(body, []byte(`"requires_payment_method"`), []byte(`"succeeded"`))
		response.Body = io.NopCloser(bytes.NewReader(body))
		response.ContentLength = int64(len(body))
		response.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return err
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

func TestStripeUnderstandsUs(t *testing.T) {
	t.Parallel()
	mock := startMock(t)
	gateway := open(t, succeeding(t, mock))

	receipt, err := gateway.Charge(t.Context(), request)
	if err != nil || !strings.HasPrefix(receipt.Charge, "pi_") || receipt.OrderID != "o-1" || receipt.Cents != 1999 {
		t.Errorf("Charge: %+v (%v)", receipt, err)
	}
	refund, err := gateway.Refund(t.Context(), refundRequest)
	if err != nil || !strings.HasPrefix(refund.Refund, "re_") || refund.Charge != "pi_1" || refund.OrderID != "o-1" ||
		refund.Cents != 1999 {
		t.Errorf("Refund: %+v (%v)", refund, err)
	}
	// What the mock finds is another order's.
	if _, err := gateway.Lookup(t.Context(), request); !errors.Is(err, payment.ErrNoCharge) {
		t.Errorf("Lookup: %v, want ErrNoCharge", err)
	}
	// What it creates is not paid.
	if _, err := open(t, mock.String()).Charge(t.Context(), request); !errors.Is(err, payment.ErrDeclined) {
		t.Errorf("Charge that did not succeed: %v, want ErrDeclined", err)
	}
}
