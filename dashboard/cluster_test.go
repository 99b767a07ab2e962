package dashboard_test

import (
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
)

// newCluster returns a client of a cluster of two masters, and how many there are.
func newCluster(t *testing.T) (*redis.ClusterClient, int) {
	t.Helper()
	nodes := []*redistest.Server{redistest.New(t, "--cluster-enabled", "yes"), redistest.New(t, "--cluster-enabled", "yes")}
	clients := []*redis.Client{nodes[0].Client(t), nodes[1].Client(t)}
	must(t, clients[0].ClusterAddSlotsRange(t.Context(), 0, 8191).Err())
	must(t, clients[1].ClusterAddSlotsRange(t.Context(), 8192, 16383).Err())
	host, port, err := net.SplitHostPort(nodes[1].Addr)
	must(t, err)
	must(t, clients[0].ClusterMeet(t.Context(), host, port).Err())
	for _, client := range clients {
		if !eventually(t, func() bool { return strings.Contains(client.ClusterInfo(t.Context()).Val(), "cluster_state:ok") }) {
			t.Fatal("the cluster does not come up")
		}
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Addr}})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb, len(nodes)
}
