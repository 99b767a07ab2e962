package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/jobs/payment/simgate"
)

// gatewayPatience is how long the worker waits for the gateway's answer.
const gatewayPatience = "1s"

// gatewayTimeout bounds how long the gateway may take to be there.
const gatewayTimeout = 15 * time.Second

// openGateway starts a simulated payment gateway that fails in every twentieth call, half the time after it charged.
func (s *stage) openGateway(ctx context.Context) error {
	address, err := freeAddress("127.0.0.1:0")
	if err != nil {
		return err
	}
	s.gateway = "http://" + address
	if err := s.start("producer", "gateway", "--addr", address,
		"--latency", "20ms", "--failures", "0.025", "--timeouts", "0.025"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, gatewayTimeout, errors.New("the gateway does not answer"))
	defer cancel()
	return poll(ctx, 50*time.Millisecond, func() (bool, error) {
		_, err := s.ledger(ctx)
		return err == nil, nil
	})
}

func (s *stage) ledger(ctx context.Context) (simgate.Ledger, error) {
	client, err := simgate.NewClient(s.gateway, 0)
	if err != nil {
		return simgate.Ledger{}, err
	}
	defer client.Close()
	return client.Ledger(ctx)
}

// countCharges counts the orders in the gateway's ledger, which is this run's own.
func (s *stage) countCharges(ctx context.Context, total *summary) error {
	ledger, err := s.ledger(ctx)
	if err != nil {
		return fmt.Errorf("the gateway's ledger: %w", err)
	}
	times := map[string]int{}
	for _, charge := range ledger.Charges {
		times[charge.OrderID]++
	}
	for _, n := range times {
		total.Charged++
		if n > 1 {
			total.Doubles++
		}
	}
	total.Faults = ledger.Failed + ledger.Unanswered
	return nil
}
