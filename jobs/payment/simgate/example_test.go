package simgate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
)

// A gateway that answers one call in ten only after the caller has given up charges once all the same.
func Example() {
	ctx := context.Background()
	server, err := simgate.NewServer(simgate.Simulation{Timeouts: 0.1, Seed: 42})
	if err != nil {
		panic(err)
	}
	listener, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	gateway, err := simgate.NewClient(listener.URL, time.Second)
	if err != nil {
		panic(err)
	}
	defer gateway.Close()

	request := payment.ChargeRequest{IdempotencyKey: "charge:o-1", OrderID: "o-1", Cents: 1999}
	receipt, err := gateway.Charge(ctx, request)
	for err != nil {
		receipt, err = gateway.Charge(ctx, request) // with the same key
	}
	fmt.Println(receipt.OrderID, receipt.Cents, len(server.Ledger().Charges))
	// Output: o-1 1999 1
}
