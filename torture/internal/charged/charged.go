// Package charged holds a gateway's ledger against what was ordered.
package charged

import (
	"fmt"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
)

// Findings is what Judge found.
type Findings struct {
	Charged   map[string]payment.Receipt // by order, the first charge of each
	Doubles   int                        // orders that were charged more than once
	Uncharged int
	Problems  []string
}

// Judge finds whether each order was charged once and with its amount, and nothing else was.
func Judge(ordered []payment.Charge, ledger simgate.Ledger) Findings {
	found := Findings{Charged: map[string]payment.Receipt{}}
	problem := func(format string, args ...any) {
		found.Problems = append(found.Problems, fmt.Sprintf(format, args...))
	}
	times := map[string]int{}
	for _, charge := range ledger.Charges {
		if times[charge.OrderID]++; times[charge.OrderID] == 1 {
			found.Charged[charge.OrderID] = charge
		}
	}
	for _, want := range ordered {
		charge := found.Charged[want.OrderID]
		switch n := times[want.OrderID]; {
		case n == 0:
			found.Uncharged++
			problem("order %s was not charged", want.OrderID)
		case n > 1:
			found.Doubles++
			problem("order %s was charged %d times", want.OrderID, n)
		}
		if times[want.OrderID] > 0 && charge.Cents != want.Cents {
			problem("order %s is for %d cents, was charged %d", want.OrderID, want.Cents, charge.Cents)
		}
		delete(times, want.OrderID)
	}
	for id := range times {
		problem("order %s was charged although nobody ordered it", id)
	}
	if len(ledger.Refunds) > 0 {
		problem("%d charges were refunded although nobody asked for it", len(ledger.Refunds))
	}
	return found
}
