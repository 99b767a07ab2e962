package stripegate_test

import (
	"context"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/stripegate"
	"github.com/navvy-go/navvy/queue"
)

// Orders are charged at Stripe, each from what its customer has on file.
func Example() {
	rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer rdb.Close()
	gateway, err := stripegate.New(stripegate.Config{
		Key:      os.Getenv("STRIPE_API_KEY"),
		Currency: "eur",
		Payer: func(ctx context.Context, request payment.ChargeRequest) (stripegate.Payer, error) {
			customer, err := rdb.HGet(ctx, "order:"+request.OrderID, "customer").Result()
			return stripegate.Payer{Customer: customer, PaymentMethod: "pm_card_visa"}, err
		},
	})
	if err != nil {
		panic(err)
	}
	mux := queue.NewMux()
	payment.New(rdb, nil, gateway).Register(mux)
}
