package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/ratelimit"
)

func ExampleLimiter_Allow() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	limiter, err := ratelimit.New(rdb, ratelimit.Limit{Rate: 100, Window: time.Minute}, ratelimit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	result, err := limiter.Allow(ctx, "user-123")
	switch {
	case err != nil:
		fmt.Println(err) // Redis is away
	case !result.Allowed:
		fmt.Println("try again in", result.RetryAfter)
	default:
		fmt.Println("go on,", result.Remaining, "calls are left")
	}
}

func ExampleMiddleware() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()

	// Ten at once, and then two each second; if Redis is away, everybody is let in.
	limit := ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: 2, Window: time.Second, Burst: 10}
	limiter, err := ratelimit.New(rdb, limit, ratelimit.Options{FailOpen: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	byAddress := ratelimit.Middleware(limiter, ratelimit.HTTP{})
	server := http.Server{Addr: ":8080", Handler: byAddress(http.DefaultServeMux), ReadHeaderTimeout: 5 * time.Second}
	_ = server.ListenAndServe()
}
