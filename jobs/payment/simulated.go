package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// ledgerSize is how many charges a simulated gateway remembers, the latest ones.
const ledgerSize = 100_000

// errUnavailable is the simulated gateway's passing failure.
var errUnavailable = errors.New("simulated gateway: unavailable")

// Simulation says how a [SimulatedGateway] behaves. The zero value answers at once and never fails.
type Simulation struct {
	Latency     time.Duration            // of each call; none if 0 or less
	FailureRate float64                  // share of calls that fail, 0 to 1; half of those after the charge was made
	Declines    func(ChargeRequest) bool // tells which charges are declined; nil for none
}

// SimulatedGateway is a [Gateway] inside this process, for demonstrations and tests: no money moves. It remembers the
// answers to the last 100,000 idempotency keys. The ID of a charge follows from its key, so gateways simulated in
// several processes give the same answer, though each has a ledger of its own.
type SimulatedGateway struct {
	simulation Simulation

	mu      sync.Mutex
	answers map[string]answer // by idempotency key
	order   []string          // of the keys, oldest first
	refunds map[string]RefundReceipt
}

type answer struct {
	request  ChargeRequest
	receipt  Receipt
	declined bool
}

// NewSimulatedGateway returns a gateway with an empty ledger.
func NewSimulatedGateway(simulation Simulation) *SimulatedGateway {
	return &SimulatedGateway{simulation: simulation, answers: map[string]answer{}, refunds: map[string]RefundReceipt{}}
}

// Charge answers as [Gateway] says. A key that comes again for another order or amount is an error.
func (g *SimulatedGateway) Charge(ctx context.Context, request ChargeRequest) (Receipt, error) {
	if err := wait(ctx, g.simulation.Latency); err != nil {
		return Receipt{}, fmt.Errorf("simulated gateway: %w", err)
	}
	fails := rand.Float64() < g.simulation.FailureRate
	if fails && rand.IntN(2) == 0 {
		return Receipt{}, errUnavailable
	}
	given := g.answer(request)
	switch {
	case fails:
		return Receipt{}, fmt.Errorf("%w after the charge", errUnavailable)
	case given.request != request:
		return Receipt{}, fmt.Errorf("simulated gateway: idempotency key %q was used for another charge",
			request.IdempotencyKey)
	case given.declined:
		return Receipt{}, fmt.Errorf("simulated gateway: %w", ErrDeclined)
	}
	return given.receipt, nil
}

// Refund answers as [Gateway] says. A charge that this gateway did not make is refused.
func (g *SimulatedGateway) Refund(ctx context.Context, request RefundRequest) (RefundReceipt, error) {
	if err := wait(ctx, g.simulation.Latency); err != nil {
		return RefundReceipt{}, fmt.Errorf("simulated gateway: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if given, ok := g.refunds[request.IdempotencyKey]; ok {
		return given, nil
	}
	for _, given := range g.answers {
		if !given.declined && given.receipt.Charge == request.Charge && given.receipt.Cents == request.Cents {
			refund := RefundReceipt{
				Refund: chargeID(request.IdempotencyKey), Charge: request.Charge,
				OrderID: request.OrderID, Cents: request.Cents,
			}
			g.refunds[request.IdempotencyKey] = refund
			return refund, nil
		}
	}
	return RefundReceipt{}, fmt.Errorf("simulated gateway: %w: no charge %q of %d cents",
		ErrRefundRefused, request.Charge, request.Cents)
}

// Lookup answers as [Gateway] says.
func (g *SimulatedGateway) Lookup(ctx context.Context, request ChargeRequest) (Receipt, error) {
	if err := wait(ctx, g.simulation.Latency); err != nil {
		return Receipt{}, fmt.Errorf("simulated gateway: %w", err)
	}
	g.mu.Lock()
	given, ok := g.answers[request.IdempotencyKey]
	g.mu.Unlock()
	switch {
	case !ok:
		return Receipt{}, fmt.Errorf("simulated gateway: %w", ErrNoCharge)
	case given.declined:
		return Receipt{}, fmt.Errorf("simulated gateway: %w", ErrDeclined)
	}
	return given.receipt, nil
}

// Ledger lists the charges made, oldest first.
func (g *SimulatedGateway) Ledger() []Receipt {
	g.mu.Lock()
	defer g.mu.Unlock()
	ledger := make([]Receipt, 0, len(g.order))
	for _, key := range g.order {
		if given := g.answers[key]; !given.declined {
			ledger = append(ledger, given.receipt)
		}
	}
	return ledger
}

// answer returns the first answer to the request's key: the one remembered, or a new one.
func (g *SimulatedGateway) answer(request ChargeRequest) answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if given, ok := g.answers[request.IdempotencyKey]; ok {
		return given
	}
	given := answer{
		request:  request,
		receipt:  Receipt{Charge: chargeID(request.IdempotencyKey), OrderID: request.OrderID, Cents: request.Cents},
		declined: g.simulation.Declines != nil && g.simulation.Declines(request),
	}
	if len(g.order) == ledgerSize {
		delete(g.answers, g.order[0])
		g.order = g.order[1:]
	}
	g.answers[request.IdempotencyKey] = given
	g.order = append(g.order, request.IdempotencyKey)
	return given
}

func chargeID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "ch_" + hex.EncodeToString(sum[:12])
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
