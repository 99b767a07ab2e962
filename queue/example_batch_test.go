package queue_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

func ExampleHandleBatch() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx, done := context.WithCancel(context.Background())

	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	check(err)
	defer client.Close()
	for _, address := range []string{"ada@example.org", "grace@example.org", "nowhere"} {
		_, err = client.Enqueue(ctx, Welcome{Email: address})
		check(err)
	}

	mux := queue.NewMux()
	queue.HandleBatch(mux, func(_ context.Context, jobs []*queue.Job[Welcome]) error {
		defer done()
		outcomes := make([]error, len(jobs))
		for i, job := range jobs {
			if job.Args.Email == "nowhere" {
				outcomes[i] = queue.Cancel(errors.New("no such address"))
			}
		}
		fmt.Println("a batch of", len(jobs))
		return queue.Outcomes(outcomes)
	}, queue.BatchOf(3), queue.BatchWithin(time.Minute))
	runUntil(ctx, rdb, mux, map[string]queue.QueueConfig{queue.DefaultQueue: {}})

	inspector, err := inspect.New(rdb, inspect.Config{})
	check(err)
	info, err := inspector.Queue(context.Background(), queue.DefaultQueue)
	check(err)
	fmt.Println(info.Totals.Done, "done,", info.Dead, "dead")
	// Output:
	// a batch of 3
	// 2 done, 1 dead
}
