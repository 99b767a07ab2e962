package redisx_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

func TestIdleConnectionsAreClosedAndNotMissed(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	given := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer given.Close()
	rdb, follower, err := redisx.OwnClient(given, time.Minute, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	other := server.Client(t)
	connections := func(of string) (n int) {
		list, err := other.ClientList(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(list, " cmd="+of+" ")
	}
	until := func(of string, n int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); connections(of) != n; {
			if time.Now().After(deadline) {
				t.Fatalf("%d connections with %s, want %d", connections(of), of, n)
			}
		}
	}
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			if err := rdb.BLPop(t.Context(), 0, "bell").Err(); err != nil {
				t.Error(err)
			}
		})
	}
	until("blpop", 8)
	follower.Trim(0) // they are in use
	for range 8 {
		if err := other.RPush(t.Context(), "bell", "x").Err(); err != nil {
			t.Fatal(err)
		}
	}
	waiting.Wait()
	follower.Trim(time.Hour)
	until("blpop", 8)
	follower.Trim(0)
	until("blpop", 0)
	for range 20 {
		if err := rdb.Ping(t.Context()).Err(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}
