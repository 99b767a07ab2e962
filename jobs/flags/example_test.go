package flags_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/queue"
)

func ExampleStore() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	store, ana := flags.New(rdb), flags.Author{By: "ana", Reason: "launch, step 1"}

	// On for the testers by name, and for every tenth of the other users.
	if err := store.EnableForUser(ctx, "new_checkout_flow", "u-42", ana); err != nil {
		fmt.Println(err)
	}
	if err := store.SetRules(ctx, "new_checkout_flow", flags.Rules{Percent: 10}, ana); err != nil {
		fmt.Println(err)
	}
	if on, err := store.IsEnabledForUser(ctx, "new_checkout_flow", "u-42"); err == nil && on {
		fmt.Println("the new checkout")
	}
}

func ExampleWatch() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()

	watcher := flags.Watch(rdb, flags.WatchConfig{
		OnStatus: func(status flags.Status) { fmt.Println("stale:", status.Stale, status.Err) },
	})
	defer watcher.Close()
	if err := watcher.Ready(ctx); err != nil {
		fmt.Println("starting with all flags off:", err)
	}
	if watcher.IsEnabledForUser(ctx, "new_checkout_flow", "u-42") { // no round trip
		fmt.Println("the new checkout")
	}
}

func ExampleApply() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// The sale begins by itself, also for programs that read feature:sale in another language.
	_, err = client.Enqueue(ctx, flags.Apply{
		Changes: []flags.Change{{Flag: "sale", Action: flags.Enable}},
		Author:  flags.Author{By: "ana", Reason: "Black Friday"},
	}, queue.At(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		fmt.Println(err)
	}
}
