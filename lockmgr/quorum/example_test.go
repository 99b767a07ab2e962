package quorum_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr/quorum"
)

func Example() {
	ctx := context.Background()
	var clients []redis.UniversalClient
	for _, addr := range []string{"10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"} {
		rdb := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
		defer rdb.Close()
		clients = append(clients, rdb)
	}
	locks, err := quorum.New(clients...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer locks.Close()
	err = locks.Do(ctx, "migrate", func(context.Context) error { return nil }, quorum.TTL(30*time.Second))
	if err != nil {
		fmt.Println(err)
	}
}
