package redisx_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

// A node that takes connections and answers nothing is not waited for when a client asks for the map of its cluster.
func TestAFrozenNodeDoesNotKeepTheMap(t *testing.T) {
	t.Parallel()
	frozen, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	must(t, err)
	defer frozen.Close()
	origin, _ := redistest.NewCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 10 { // each asks its nodes in an order of its own
		opt := *origin.Options()
		opt.Addrs = append([]string{frozen.Addr().String()}, opt.Addrs...)
		opt.ReadTimeout = time.Minute
		rdb := redis.NewClusterClient(&opt)
		own, _, err := redisx.OwnClient(rdb, time.Minute, 1)
		must(t, err)
		must(t, own.Set(ctx, "key", "value", 0).Err())
		must(t, own.Close())
		must(t, rdb.Close())
	}
}
