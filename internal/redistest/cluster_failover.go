package redistest

import (
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// ReplicatedCluster is a cluster of three masters, of which the one that has the slot of a key has a replica.
type ReplicatedCluster struct {
	Master  *Server // of the key
	Replica *Server
	Addrs   []string
}

// NewReplicatedCluster starts a cluster for that key, which takes a node for dead that is silent for a second.
func NewReplicatedCluster(tb testing.TB, key string) *ReplicatedCluster {
	tb.Helper()
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	c := &ReplicatedCluster{}
	var nodes []*Server
	var clients []*redis.Client
	for i := range 4 {
		node := New(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0")
		client := node.Client(tb)
		nodes, clients, c.Addrs = append(nodes, node), append(clients, client), append(c.Addrs, node.Addr)
		must(client.Do(tb.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
	}
	const slots, masters = 16384, 3
	for i, client := range clients[:masters] {
		must(client.ClusterAddSlotsRange(tb.Context(), i*slots/masters, (i+1)*slots/masters-1).Err())
	}
	for _, node := range nodes[1:] {
		host, port, err := net.SplitHostPort(node.Addr)
		must(err)
		must(clients[0].ClusterMeet(tb.Context(), host, port).Err())
	}
	for _, client := range clients {
		awaitCluster(tb, client)
	}
	slot := int(clients[0].ClusterKeySlot(tb.Context(), key).Val())
	owner := (slot*masters + masters - 1) / slots
	c.Master, c.Replica = nodes[owner], nodes[masters]
	id := clients[owner].Do(tb.Context(), "CLUSTER", "MYID").String()
	id = id[strings.LastIndex(id, " ")+1:]
	Await(tb, func() bool { return clients[masters].ClusterReplicate(tb.Context(), id).Err() == nil })
	for _, client := range clients { // without the replica among its nodes a client finds nobody to ask
		Await(tb, func() bool {
			nodes := client.ClusterNodes(tb.Context()).Val()
			return strings.Contains(nodes, " slave "+id) || strings.Contains(nodes, ",slave "+id)
		})
	}
	Await(tb, func() bool {
		return strings.Contains(clients[masters].Info(tb.Context(), "replication").Val(), "master_link_status:up")
	})
	return c
}

// Client returns a client of the cluster with the library's own settings, closed when the test ends.
func (c *ReplicatedCluster) Client(tb testing.TB) *redis.ClusterClient {
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs})
	tb.Cleanup(func() { _ = rdb.Close() })
	return rdb
}
