package redisx_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

// demoted returns a client whose name for the master leads to another server from the moment on that move is called,
// which makes its first server that one's replica; and an own client that has connections to the first.
func demoted(t *testing.T) (
	own redis.UniversalClient, follower *redisx.Follower, move func(), second *redis.Client,
) {
	t.Helper()
	servers := []*redistest.Server{redistest.New(t), redistest.New(t)}
	first, second := servers[0].Client(t), servers[1].Client(t)
	var to atomic.Value
	to.Store(servers[0].Addr)
	rdb := redis.NewClient(&redis.Options{Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, to.Load().(string))
	}})
	t.Cleanup(func() { _ = rdb.Close() })
	own, follower, err := redisx.OwnClient(rdb, time.Minute, 5)
	must(t, err)
	t.Cleanup(func() { _ = own.Close() })
	for range 3 { // more than one connection
		pipe := own.Pipeline()
		pipe.Set(t.Context(), "k", "first", 0)
		_, err := pipe.Exec(t.Context())
		must(t, err)
	}
	return own, follower, func() {
		host, port, _ := net.SplitHostPort(servers[1].Addr)
		must(t, first.Do(t.Context(), "REPLICAOF", host, port).Err())
		to.Store(servers[1].Addr)
	}, second
}

func TestAReplicasRefusalMovesAllConnections(t *testing.T) {
	t.Parallel()
	own, follower, move, second := demoted(t)
	waiting := make(chan error, 1)
	go func() { waiting <- own.BLPop(context.Background(), 0, "none").Err() }()
	eventually(t, func() bool { return own.(*redis.Client).PoolStats().IdleConns == 0 })
	must(t, own.Set(t.Context(), "k", "first", 0).Err())
	move()
	eventually(t, func() bool { return own.Set(t.Context(), "k", "second", 0).Err() == nil })
	if got := second.Get(t.Context(), "k").Val(); got != "second" {
		t.Errorf("the new master has %q", got)
	}
	if err := <-waiting; err == nil {
		t.Error("what waited for the replica was answered")
	}
	if follower.Moves() == 0 {
		t.Error("no move was counted")
	}
}

func TestALookAtTheRoleMovesAllConnections(t *testing.T) {
	t.Parallel()
	own, follower, move, second := demoted(t)
	follower.CheckRole(t.Context())
	if follower.Moves() != 0 {
		t.Error("a master was left")
	}
	move()
	eventually(t, func() bool {
		follower.CheckRole(t.Context())
		return follower.Moves() > 0
	})
	eventually(t, func() bool { return own.Set(t.Context(), "k", "second", 0).Err() == nil })
	if got := second.Get(t.Context(), "k").Val(); got != "second" {
		t.Errorf("the new master has %q", got)
	}
}

func TestOwnConnectionsLeaveTheMasterThatSentinelReplaces(t *testing.T) {
	t.Parallel()
	s := redistest.NewSentinel(t, "--repl-diskless-sync-delay", "0")
	rdb := s.Client(t)
	own, follower, err := redisx.OwnClient(rdb, time.Minute, 5)
	must(t, err)
	defer own.Close()
	waiting := make(chan error, 1)
	go func() { waiting <- own.BLPop(context.Background(), 0, "none").Err() }()
	must(t, own.Set(t.Context(), "k", "first", 0).Err())
	s.Failover(t)
	select { // the old master waits for its 8 s and for a second after them
	case err := <-waiting:
		if err == nil || redis.HasErrorPrefix(err, "UNBLOCKED") {
			t.Errorf("what waited ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("what waited for the old master waits on")
	}
	eventually(t, func() bool { return own.Set(t.Context(), "k", "second", 0).Err() == nil })
	if got := s.Replica.Client(t).Get(t.Context(), "k").Val(); got != "second" || follower.Moves() == 0 {
		t.Errorf("the new master has %q after %d moves", got, follower.Moves())
	}
}

func TestDangersOfAClientsSettings(t *testing.T) {
	t.Parallel()
	single := func(opt redis.Options) redis.UniversalClient { return redis.NewClient(&opt) }
	cluster := func(opt redis.ClusterOptions) redis.UniversalClient {
		opt.Addrs = []string{"127.0.0.1:1"}
		return redis.NewClusterClient(&opt)
	}
	followed := cluster(redis.ClusterOptions{})
	redisx.Follow(followed)
	redisx.Follow(followed) // again is nothing new
	for name, c := range map[string]struct {
		rdb  redis.UniversalClient
		want []string
	}{
		"one server":           {single(redis.Options{}), nil},
		"no timeout":           {single(redis.Options{ReadTimeout: -1}), []string{"no ReadTimeout"}},
		"a cluster":            {cluster(redis.ClusterOptions{}), []string{"ClusterStateReloadInterval is 1m0s"}},
		"one that is followed": {followed, nil},
		"one that looks often": {cluster(redis.ClusterOptions{ClusterStateReloadInterval: 5 * time.Second}), nil},
		"replicas": {cluster(redis.ClusterOptions{RouteRandomly: true, ClusterStateReloadInterval: time.Second}),
			[]string{"answered by replicas"}},
	} {
		found := redisx.Dangers(c.rdb)
		if len(found) != len(c.want) {
			t.Errorf("%s: got %q, want %q", name, found, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(found[i], want) {
				t.Errorf("%s: got %q, want %q", name, found[i], want)
			}
		}
		must(t, c.rdb.Close())
	}
}
