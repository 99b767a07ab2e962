package payment_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/queue"
)

// A worker that charges orders and keeps them in PostgreSQL, and an application that gives it work.
func Example() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	db, err := sql.Open("pgx", "postgres://shop@127.0.0.1/shop")
	if err != nil {
		log.Fatal(err)
	}
	orders := payment.NewSQLStore(db)
	if err := orders.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	var gateway payment.Gateway // e.g. a stripegate.Gateway

	mux := queue.NewMux()
	payment.New(rdb, orders, gateway).Register(mux)
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{"orders": {}}})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = worker.Run(ctx) }()

	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Enqueue(ctx, payment.Charge{OrderID: "o-1", Cents: 1999}, queue.On("orders"))
	if err != nil {
		log.Fatal(err)
	}
}

// What was left half done is settled by a job every few minutes. The unique key keeps it from piling up, wherever and
// however often it is enqueued.
func ExampleReconcile() {
	var client *queue.Client
	ctx := context.Background()
	for range time.Tick(5 * time.Minute) {
		_, err := client.Enqueue(ctx, payment.Reconcile{OlderThan: 10 * time.Minute},
			queue.On("orders"), queue.Unique("payment.reconcile", 4*time.Minute))
		if err != nil {
			log.Print(err)
		}
	}
}

func ExampleService_Refund() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	var gateway payment.Gateway
	service := payment.New(rdb, nil, gateway) // orders are in Redis
	receipt, err := service.Refund(context.Background(), payment.Refund{OrderID: "o-1", Reason: "arrived broken"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Refund)
}
