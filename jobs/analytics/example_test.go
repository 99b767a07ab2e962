package analytics_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/queue"
)

// exampleRedis starts a private Redis for an example. A program has redis.NewClient with its own address here.
func exampleRedis() (rdb *redis.Client, stop func()) {
	dir, err := os.MkdirTemp("", "navvy-example-")
	check(err)
	server, err := redistest.Start(dir)
	check(err)
	rdb = redis.NewClient(&redis.Options{Addr: server.Addr})
	return rdb, func() {
		_ = rdb.Close()
		server.Kill()
		_ = os.RemoveAll(dir)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Any program puts events on a stream; a worker counts them, a thousand at a time.
func Example() {
	rdb, stop := exampleRedis()
	defer stop()
	ctx := context.Background()

	counter, mux := analytics.New(rdb, analytics.Config{Steps: []string{"view", "buy"}}), queue.NewMux()
	counter.Register(mux)
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{
		analytics.DefaultStream: {Raw: &queue.Raw{Kind: analytics.Track{}.Kind()}},
	}})
	check(err)
	check(worker.Start(ctx))

	morning := time.Now().UTC().Truncate(24 * time.Hour).Add(9 * time.Hour)
	for _, event := range []analytics.Track{
		{Event: "view", UserID: "ada", At: morning},
		{Event: "view", UserID: "grace", At: morning.Add(time.Minute)},
		{Event: "buy", UserID: "ada", At: morning.Add(time.Hour)},
	} {
		check(counter.Send(ctx, event))
	}
	for tick := time.Tick(time.Millisecond); rdb.XLen(ctx, analytics.DefaultStream).Val() > 0; {
		<-tick // a program has better things to do
	}
	check(worker.Stop(ctx))

	stats, err := counter.Stats(ctx, morning)
	check(err)
	fmt.Println(stats.TotalEvents, "events of", stats.UniqueUsers, "users:", stats.Events)
	funnel, err := counter.Funnel(ctx, morning, "view", "buy")
	check(err)
	fmt.Println(funnel[0], "looked,", funnel[1], "of them bought")
	// Output:
	// 3 events of 2 users: map[buy:1 view:2]
	// 2 looked, 1 of them bought
}
