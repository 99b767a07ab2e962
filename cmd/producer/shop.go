package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/oklog/ulid/v2"

	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/payment"
)

const customers = 5000

// pages of the shop, and what a visitor does there: most look, few buy.
var (
	pages  = []string{"/", "/search", "/p/shovel", "/p/pickaxe", "/p/wheelbarrow", "/p/lantern", "/p/boots", "/cart"}
	events = []string{
		"page_view", "page_view", "page_view", "page_view", "page_view", "search", "add_to_cart", "checkout", "sign_in",
	}
)

// shop makes orders and events as they come in a shop. It is not safe for concurrent use.
type shop struct {
	visitor *rand.Zipf // a few customers do most of it
}

func newShop() *shop {
	source := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	return &shop{visitor: rand.NewZipf(source, 1.1, 10, customers-1)}
}

// order has an ID that no other run uses, and an amount around 40.00 with a long tail.
func (s *shop) order() payment.Charge {
	cents := int64(math.Exp(8.3 + 0.8*rand.NormFloat64()))
	return payment.Charge{OrderID: "o-" + ulid.Make().String(), Cents: max(cents, 99)}
}

func (s *shop) event() analytics.Track {
	return analytics.Track{
		Event:    events[rand.IntN(len(events))],
		UserID:   fmt.Sprintf("u-%d", s.visitor.Uint64()),
		Metadata: map[string]any{"page": pages[rand.IntN(len(pages))]},
	}
}
