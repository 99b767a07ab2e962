package payment_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/navvy-go/navvy/jobs/payment"
)

// scripted is a gateway with a ledger that counts its calls and lets a test decide what becomes of each charge.
type scripted struct {
	calls, lookups, refunds atomic.Int64

	before   func(ctx context.Context, call int64) error // nil, or its error is the answer and nothing is charged
	after    func(call int64) error                      // nil, or its error is the answer although it was charged
	declines bool
	words    string // that it declines with
	forgets  bool   // keys, as a gateway does after some time: each Charge is a new one

	mu      sync.Mutex
	ledger  []payment.Receipt
	keys    []string // of the ledger
	givings []payment.RefundReceipt
	refused map[string]bool
}

func newScripted() *scripted { return &scripted{refused: map[string]bool{}} }

func (g *scripted) Charge(ctx context.Context, request payment.ChargeRequest) (payment.Receipt, error) {
	call := g.calls.Add(1)
	if g.before != nil {
		if err := g.before(ctx, call); err != nil {
			return payment.Receipt{}, err
		}
	}
	receipt, err := g.charge(request)
	if g.after != nil && err == nil {
		if err := g.after(call); err != nil {
			return payment.Receipt{}, err
		}
	}
	return receipt, err
}

func (g *scripted) charge(request payment.ChargeRequest) (payment.Receipt, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.declines {
		g.refused[request.IdempotencyKey] = true
		return payment.Receipt{}, fmt.Errorf("scripted: %w: %s", payment.ErrDeclined, g.words)
	}
	if given, ok := g.find(request.IdempotencyKey); ok && !g.forgets {
		return given, nil
	}
	receipt := payment.Receipt{
		Charge:  fmt.Sprintf("ch_%d_%s", len(g.ledger), request.OrderID),
		OrderID: request.OrderID, Cents: request.Cents,
	}
	g.ledger, g.keys = append(g.ledger, receipt), append(g.keys, request.IdempotencyKey)
	return receipt, nil
}

func (g *scripted) Lookup(_ context.Context, request payment.ChargeRequest) (payment.Receipt, error) {
	g.lookups.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if given, ok := g.find(request.IdempotencyKey); ok {
		return given, nil
	}
	if g.refused[request.IdempotencyKey] {
		return payment.Receipt{}, payment.ErrDeclined
	}
	return payment.Receipt{}, payment.ErrNoCharge
}

func (g *scripted) Refund(_ context.Context, request payment.RefundRequest) (payment.RefundReceipt, error) {
	call := g.refunds.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	receipt := payment.RefundReceipt{
		Refund: "re_" + request.IdempotencyKey, Charge: request.Charge, OrderID: request.OrderID, Cents: request.Cents,
	}
	for _, given := range g.givings {
		if given == receipt {
			return receipt, nil
		}
	}
	if g.declines {
		return payment.RefundReceipt{}, fmt.Errorf("scripted: %w: too late", payment.ErrRefundRefused)
	}
	g.givings = append(g.givings, receipt)
	if g.after != nil {
		return receipt, g.after(call)
	}
	return receipt, nil
}

func (g *scripted) find(key string) (payment.Receipt, bool) {
	for i, known := range g.keys {
		if known == key {
			return g.ledger[i], true
		}
	}
	return payment.Receipt{}, false
}

// Ledger lists the charges made, oldest first.
func (g *scripted) Ledger() []payment.Receipt {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]payment.Receipt(nil), g.ledger...)
}

// Refunds lists the refunds made, oldest first.
func (g *scripted) Refunds() []payment.RefundReceipt {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]payment.RefundReceipt(nil), g.givings...)
}
