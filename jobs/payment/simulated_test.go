package payment_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
)

func TestSimulatedGatewayChargesOncePerKey(t *testing.T) {
	t.Parallel()
	gateway := payment.NewSimulatedGateway(payment.Simulation{})
	request := payment.ChargeRequest{IdempotencyKey: "k-1", OrderID: "o-1", Cents: 5}
	first, err := gateway.Charge(t.Context(), request)
	if err != nil {
		t.Fatalf("Charge: %v", err)
	}
	if second, err := gateway.Charge(t.Context(), request); err != nil || second != first {
		t.Errorf("same key: got %+v (%v), want %+v", second, err, first)
	}
	request.Cents = 6
	if _, err := gateway.Charge(t.Context(), request); err == nil || !strings.Contains(err.Error(), "another charge") {
		t.Errorf("same key, another amount: got %v", err)
	}
	if ledger := gateway.Ledger(); len(ledger) != 1 || ledger[0] != first {
		t.Errorf("ledger: %+v, want %+v alone", ledger, first)
	}
}

func TestSimulatedGatewayFailsBeforeAndAfterCharging(t *testing.T) {
	t.Parallel()
	gateway := payment.NewSimulatedGateway(payment.Simulation{FailureRate: 1})
	request := payment.ChargeRequest{IdempotencyKey: "k-1", OrderID: "o-1", Cents: 5}
	before, after := false, false
	for range 200 {
		charged := len(gateway.Ledger())
		_, err := gateway.Charge(t.Context(), request)
		if err == nil || errors.Is(err, payment.ErrDeclined) {
			t.Fatalf("got %v, want a passing failure", err)
		}
		if len(gateway.Ledger()) == charged {
			before = true
		} else {
			after = true
			request.IdempotencyKey += "+"
		}
	}
	if !before || !after {
		t.Errorf("failed before charging: %t, after: %t; want both", before, after)
	}
}

func TestSimulatedGatewayTakesItsTimeAndHonoursItsContext(t *testing.T) {
	t.Parallel()
	request := payment.ChargeRequest{IdempotencyKey: "k-1", OrderID: "o-1", Cents: 5}
	began := time.Now()
	quick := payment.NewSimulatedGateway(payment.Simulation{Latency: 20 * time.Millisecond})
	if _, err := quick.Charge(t.Context(), request); err != nil || time.Since(began) < 20*time.Millisecond {
		t.Errorf("answered after %s (%v), want 20ms or more", time.Since(began), err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	slow := payment.NewSimulatedGateway(payment.Simulation{Latency: time.Hour})
	if _, err := slow.Charge(ctx, request); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's cause", err)
	}
	if ledger := slow.Ledger(); len(ledger) != 0 {
		t.Errorf("ledger: %+v, want none", ledger)
	}
}
