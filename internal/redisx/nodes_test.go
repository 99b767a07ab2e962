package redisx_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

// newMasters returns a client that is given the slots of a cluster of two masters with a replica each, and their
// addresses: those of the masters first.
func newMasters(t *testing.T) (*redis.ClusterClient, []string) {
	t.Helper()
	var addrs []string
	for range 4 {
		_, port, _ := strings.Cut(redistest.New(t).Addr, ":")
		addrs = append(addrs, ":"+port) // so the client writes what is on this machine
	}
	slots := []redis.ClusterSlot{
		{Start: 0, End: 8191, Nodes: []redis.ClusterNode{{Addr: addrs[0]}, {Addr: addrs[2]}}},
		{Start: 8192, End: 16383, Nodes: []redis.ClusterNode{{Addr: addrs[1]}, {Addr: addrs[3]}}},
	}
	cluster := redis.NewClusterClient(&redis.ClusterOptions{
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) { return slots, nil },
	})
	t.Cleanup(func() { _ = cluster.Close() })
	return cluster, addrs
}

func TestNodesOfACluster(t *testing.T) {
	t.Parallel()
	cluster, addrs := newMasters(t)
	for name, c := range map[string]struct {
		list func(context.Context, redis.UniversalClient) ([]*redis.Client, error)
		want []string
	}{"masters": {redisx.Masters, addrs[:2]}, "all": {redisx.Nodes, addrs}} {
		nodes, err := c.list(t.Context(), cluster)
		must(t, err)
		var got []string
		for _, node := range nodes {
			must(t, node.Ping(t.Context()).Err())
			got = append(got, node.Options().Addr)
		}
		if want := slices.Sorted(slices.Values(c.want)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	var mu sync.Mutex
	var visited []string
	refusal := errors.New("refused")
	err := redisx.EachMaster(t.Context(), cluster, func(_ context.Context, node redis.UniversalClient) error {
		mu.Lock()
		defer mu.Unlock()
		visited = append(visited, node.(*redis.Client).Options().Addr)
		return refusal
	})
	slices.Sort(visited)
	if want := slices.Sorted(slices.Values(addrs[:2])); !slices.Equal(visited, want) || !errors.Is(err, refusal) {
		t.Errorf("visited %v, want %v; %v", visited, want, err)
	}
}

func TestNodesOfOneServer(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	if nodes, err := redisx.Masters(t.Context(), rdb); err != nil || len(nodes) != 1 || nodes[0] != rdb {
		t.Errorf("masters: %v, %v", nodes, err)
	}
	if nodes, err := redisx.Nodes(t.Context(), rdb); err != nil || len(nodes) != 1 || nodes[0] != rdb {
		t.Errorf("all: %v, %v", nodes, err)
	}
	visits := 0
	must(t, redisx.EachMaster(t.Context(), rdb, func(_ context.Context, node redis.UniversalClient) error {
		visits++
		return node.Ping(t.Context()).Err()
	}))
	if visits != 1 {
		t.Errorf("visited %d times", visits)
	}
}
