package simgate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
)

// DefaultTimeout bounds a call of a [Client]: below the 12 s that a charge has in all.
const DefaultTimeout = 10 * time.Second

const idleConnections = 64 // a worker's slots may all be charging

// Client is the [payment.Gateway] at a [Server]. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// NewClient returns a client of the server at an address such as http://127.0.0.1:9090. A call that takes longer than
// timeout has failed with an unknown outcome; 0 is [DefaultTimeout].
func NewClient(address string, timeout time.Duration) (*Client, error) {
	base, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("simgate: the gateway's address: %w", err)
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, fmt.Errorf("simgate: the gateway's address must be like http://127.0.0.1:9090, not %s", base.Redacted())
	case base.User != nil:
		return nil, errors.New("simgate: the gateway's address must not hold a user or password")
	case timeout < 0:
		return nil, fmt.Errorf("simgate: a timeout of %s is negative", timeout)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: time.Minute,
	}
	return &Client{
		base: (&url.URL{Scheme: base.Scheme, Host: base.Host}).String(),
		http: &http.Client{Transport: transport, Timeout: cmp.Or(timeout, DefaultTimeout)},
	}, nil
}

// Close ends the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Charge answers as [payment.Gateway] says. [payment.ErrConflict] says that the key was used for another order or
// amount, [payment.ErrInvalid] that the server makes nothing of the request.
func (c *Client) Charge(ctx context.Context, request payment.ChargeRequest) (receipt payment.Receipt, err error) {
	order := chargeOrder{
		OrderID: request.OrderID, Cents: request.Cents, Currency: request.Currency,
		PaymentMethod: request.PaymentMethod, Capture: request.Capture,
	}
	err = c.post(ctx, chargesPath, request.IdempotencyKey, order, &receipt)
	return receipt, err
}

// Refund answers as [payment.Gateway] says.
func (c *Client) Refund(ctx context.Context, request payment.RefundRequest) (receipt payment.RefundReceipt, err error) {
	order := refundOrder{
		Charge: request.Charge, OrderID: request.OrderID, Cents: request.Cents, Part: request.Part,
	}
	err = c.post(ctx, refundsPath, request.IdempotencyKey, order, &receipt)
	return receipt, err
}

// Capture answers as [payment.Authorizer] says.
func (c *Client) Capture(ctx context.Context, request payment.CaptureRequest) (receipt payment.Receipt, err error) {
	order := captureOrder{Charge: request.Charge, OrderID: request.OrderID, Cents: request.Cents}
	err = c.post(ctx, capturesPath, request.IdempotencyKey, order, &receipt)
	return receipt, err
}

// Void answers as [payment.Authorizer] says.
func (c *Client) Void(ctx context.Context, request payment.CaptureRequest) error {
	order := captureOrder{Charge: request.Charge, OrderID: request.OrderID, Cents: request.Cents}
	return c.post(ctx, voidsPath, request.IdempotencyKey, order, new(payment.Receipt))
}

// Lookup answers as [payment.Gateway] says.
func (c *Client) Lookup(ctx context.Context, request payment.ChargeRequest) (receipt payment.Receipt, err error) {
	path := chargesPath + "?" + url.Values{"key": {request.IdempotencyKey}}.Encode()
	err = c.get(ctx, path, maxBody, &receipt)
	return receipt, err
}

// Ledger returns the server's account of what it did.
func (c *Client) Ledger(ctx context.Context) (ledger Ledger, err error) {
	err = c.get(ctx, ledgerPath, maxLedger, &ledger)
	return ledger, err
}

// post sends a call. With an idempotency key, net/http itself repeats a call whose connection broke, and may.
func (c *Client) post(ctx context.Context, path, key string, order, into any) error {
	body, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("simgate: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("simgate: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(keyHeader, key)
	return c.do(request, maxBody, into)
}

func (c *Client) get(ctx context.Context, path string, limit int64, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return fmt.Errorf("simgate: %w", err)
	}
	return c.do(request, limit, into)
}

func (c *Client) do(request *http.Request, limit int64, into any) error {
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("simgate: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return fmt.Errorf("simgate: read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return refused(response, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("simgate: the answer is not what it must be: %w", err)
	}
	return nil
}

// refused returns what an answer that is not a receipt means.
func refused(response *http.Response, body []byte) error {
	var said refusal
	if json.Unmarshal(body, &said) != nil || said.Error.Code == "" {
		return fmt.Errorf("simgate: answered %s", response.Status)
	}
	meaning := map[string]error{
		codeInvalid:   payment.ErrInvalid,
		codeDeclined:  payment.ErrDeclined,
		codeNoCharge:  payment.ErrNoCharge,
		codeRefused:   payment.ErrRefundRefused,
		codeKeyReused: payment.ErrConflict,
	}[said.Error.Code]
	if meaning == nil { // after a failure, or while the first call is under way
		return fmt.Errorf("simgate: answered %s: %s", response.Status, said.Error.Message)
	}
	return fmt.Errorf("simgate: %w: %s", meaning, said.Error.Message)
}
