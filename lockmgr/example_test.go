package lockmgr_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
)

func ExampleManager_TryAcquire() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	locks := lockmgr.New(rdb)
	defer locks.Close()

	lock, err := locks.TryAcquire(ctx, "payment:o-42", lockmgr.TTL(30*time.Second))
	switch {
	case errors.Is(err, lockmgr.ErrNotAcquired):
		fmt.Println("another process is at it")
		return
	case err != nil:
		fmt.Println(err)
		return
	}
	defer lock.Release(ctx)
	fmt.Println("nobody else is here for 30 seconds")
}

func ExampleManager_Acquire() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	locks := lockmgr.New(rdb)
	defer locks.Close()
	lock, err := locks.Acquire(ctx, "report")
	if err != nil {
		fmt.Println(err) // still held after five seconds, or Redis is away
		return
	}
	defer lock.Release(ctx)
}
