package redistest

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const clusterWithin = time.Minute // it agrees on its slots

// NewCluster starts a cluster of two masters, and returns a client of it and how many servers there are.
func NewCluster(tb testing.TB) (rdb *redis.ClusterClient, servers int) {
	tb.Helper()
	nodes := []*Server{New(tb, "--cluster-enabled", "yes"), New(tb, "--cluster-enabled", "yes")}
	clients := []*redis.Client{nodes[0].Client(tb), nodes[1].Client(tb)}
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	must(clients[0].ClusterAddSlotsRange(tb.Context(), 0, 8191).Err())
	must(clients[1].ClusterAddSlotsRange(tb.Context(), 8192, 16383).Err())
	host, port, err := net.SplitHostPort(nodes[1].Addr)
	must(err)
	must(clients[0].ClusterMeet(tb.Context(), host, port).Err())
	for _, client := range clients {
		awaitCluster(tb, client)
	}
	rdb = redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Addr}})
	tb.Cleanup(func() { _ = rdb.Close() })
	return rdb, len(nodes)
}

func awaitCluster(tb testing.TB, client *redis.Client) {
	tb.Helper()
	await(tb, "the cluster does not come up", func() bool {
		return strings.Contains(client.ClusterInfo(tb.Context()).Val(), "cluster_state:ok")
	})
}

// await looks again and again, and fails the test with the complaint when it has for too long.
func await(tb testing.TB, complaint string, is func() bool) {
	tb.Helper()
	deadline, tick := time.NewTimer(clusterWithin), time.NewTicker(50*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatal(complaint)
		}
	}
}

// NewReplica starts a replica of a master of a cluster, and waits until it has caught up.
func NewReplica(tb testing.TB, master *redis.Client) *redis.Client {
	tb.Helper()
	replica := New(tb, "--cluster-enabled", "yes").Client(tb)
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	host, port, err := net.SplitHostPort(master.Options().Addr)
	must(err)
	id, err := master.Do(tb.Context(), "CLUSTER", "MYID").Text()
	must(err)
	must(master.ConfigSet(tb.Context(), "repl-diskless-sync-delay", "0").Err()) // else it waits for more replicas
	must(replica.ClusterMeet(tb.Context(), host, port).Err())
	await(tb, "the replica does not find its master", func() bool {
		return replica.ClusterReplicate(tb.Context(), id).Err() == nil
	})
	await(tb, "the replica does not catch up", func() bool {
		return strings.Contains(master.Info(tb.Context(), "replication").Val(), "state=online")
	})
	return replica
}
