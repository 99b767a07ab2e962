package redisx_test

import (
	"context"
	"net"
	"syscall"
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

// A command may have been sent to a master of a cluster that froze, and the replica become the master long after it was
// found to be slow: it ends then, and not with its own timeout.
func TestACommandEndsOnceAFrozenNodeIsNoMaster(t *testing.T) {
	t.Parallel()
	const key = "k"
	c := redistest.NewReplicatedCluster(t, key)
	own, _, err := redisx.OwnClient(c.Client(t), 10*time.Minute, 1)
	must(t, err)
	defer own.Close()
	must(t, own.Set(t.Context(), key, "first", 0).Err())
	must(t, syscall.Kill(c.Master.PID(), syscall.SIGSTOP))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = own.Set(t.Context(), key, "second", 0).Err() // the client library may send it to the new master
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the command still waits for the frozen master")
	}
	must(t, own.Set(t.Context(), key, "third", 0).Err())
	if got := c.Replica.Client(t).Get(t.Context(), key).Val(); got != "third" {
		t.Errorf("the new master has %q", got)
	}
}
