package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

// producerEnv holds the orders of a producer process. The program runs itself again with it set.
const producerEnv = "NAVVY_PAYMENTS_PRODUCER"

// errand is what a producer process gets.
type errand struct {
	Name   string        `json:"name"`
	Addr   string        `json:"addr"`
	Orders int           `json:"orders"`
	Long   time.Duration `json:"long"` // it takes that long for all of them
}

const (
	patience   = time.Minute // with a Redis that is away
	askedAgain = 50 * time.Millisecond
)

// orderOf is the n-th order. Its amount distinguishes it from its neighbours.
func orderOf(n int) payment.Charge {
	return payment.Charge{OrderID: fmt.Sprintf("o-%06d", n), Cents: int64(100 + n)}
}

// producerMain is the whole of a producer process; it returns the exit status.
func producerMain(text string) int {
	var e errand
	err := json.Unmarshal([]byte(text), &e)
	if err == nil {
		err = e.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// run enqueues every order once, evenly over the time. The job's ID makes it safe to enqueue again what may have been
// enqueued.
func (e errand) run(ctx context.Context) error {
	rdb := redis.NewClient(&redis.Options{Addr: e.Addr})
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Timeout: 2 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	began := time.Now()
	for n := range e.Orders {
		pause.For(ctx, time.Until(began.Add(e.Long*time.Duration(n)/time.Duration(e.Orders))))
		if err := e.enqueue(ctx, client, orderOf(n)); err != nil {
			return err
		}
	}
	return nil
}

func (e errand) enqueue(ctx context.Context, client *queue.Client, order payment.Charge) error {
	for began := time.Now(); ; {
		_, err := client.Enqueue(ctx, order, queue.On(jobs.Orders), queue.ID(e.Name+"-"+order.OrderID))
		if err == nil {
			return nil
		}
		if time.Since(began) > patience {
			return fmt.Errorf("%s: order %s: %w", e.Name, order.OrderID, err)
		}
		pause.For(ctx, askedAgain)
	}
}
