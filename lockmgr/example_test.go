package lockmgr_test

import (
	"context"
	"database/sql"
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
	fmt.Println("no other process is here for 30 seconds")
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

// The store is what makes a lock safe from a holder that was paused past its TTL: it refuses lower tokens.
func ExampleManager_Do() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	locks := lockmgr.New(rdb)
	defer locks.Close()
	var db *sql.DB

	err := locks.Do(ctx, "account:7", func(ctx context.Context) error { // ctx ends before the lock can
		_, err := db.ExecContext(ctx,
			`UPDATE accounts SET balance = balance - 10, token = $1 WHERE id = 7 AND token <= $1`, int64(lockmgr.Token(ctx)))
		return err
	}, lockmgr.Fair())
	if errors.Is(err, lockmgr.ErrLockLost) {
		fmt.Println("another may have been at it at the same time")
	}
}

func ExampleManager_Once() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	locks := lockmgr.New(rdb)
	defer locks.Close()
	charge := func(context.Context) ([]byte, error) { return []byte("ch_1"), nil }

	result, replayed, err := locks.Once(ctx, "charge:o-42", "1999 EUR", charge)
	var progress *lockmgr.InProgressError
	switch {
	case errors.As(err, &progress):
		fmt.Println("ask again in", progress.RetryAfter)
	case errors.Is(err, lockmgr.ErrKeyReused):
		fmt.Println("the order was charged with another amount")
	case err != nil:
		fmt.Println(err) // the key is free again, unless the error is Final
	default:
		fmt.Println(string(result), replayed)
	}
}

func ExampleManager_Semaphore() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	locks := lockmgr.New(rdb)
	defer locks.Close()

	permit, err := locks.Semaphore("smtp", 5).Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer permit.Release(ctx)
	fmt.Println("no more than five of the fleet are here")
}
