package redisx

import (
	"net"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
)

// Nor is it waited for when the masters are looked for: others know the map.
func TestAFrozenNodeDoesNotKeepALookForTheMasters(t *testing.T) {
	t.Parallel()
	frozen, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	origin, _ := redistest.NewCluster(t)
	for range 10 { // each asks its nodes in an order of its own
		opt := *origin.Options()
		opt.Addrs = append([]string{frozen.Addr().String()}, opt.Addrs...)
		opt.ContextTimeoutEnabled = true
		rdb, follower := openFollowingCluster(&opt)
		follower.lookOnce()
		follower.mu.Lock()
		if follower.masters == "" {
			t.Error("no masters were found")
		}
		follower.mu.Unlock()
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	}
}
