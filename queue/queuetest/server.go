package queuetest

import (
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
)

// Server returns a client of a private, empty Redis that ends with the test: the program that $REDIS_SERVER names, or
// redis-server or valkey-server from the PATH, and if there is none, a Redis embedded in the test's own process.
func Server(tb testing.TB) *redis.Client {
	tb.Helper()
	if _, err := redistest.Binary(); err == nil || os.Getenv("REDIS_SERVER") != "" {
		return redistest.New(tb).Client(tb)
	}
	embedded := miniredis.NewMiniRedis()
	if err := embedded.Start(); err != nil {
		tb.Fatalf("queuetest: start the embedded redis: %v", err)
	}
	tb.Cleanup(embedded.Close)
	embedded.ClockTTL(true) // by itself it never lets a key expire
	rdb := redis.NewClient(&redis.Options{Addr: embedded.Addr()})
	tb.Cleanup(func() { _ = rdb.Close() })
	return rdb
}
