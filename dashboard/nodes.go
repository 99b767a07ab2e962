package dashboard

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// node is one server: the only one, or one of a cluster.
type node struct {
	address string
	rdb     *redis.Client
}

// masters lists the servers that keys are looked for on, in a fixed order.
func masters(ctx context.Context, rdb redis.UniversalClient) ([]node, error) {
	return listNodes(ctx, rdb, (*redis.ClusterClient).ForEachMaster)
}

// allNodes lists all servers, replicas included.
func allNodes(ctx context.Context, rdb redis.UniversalClient) ([]node, error) {
	return listNodes(ctx, rdb, (*redis.ClusterClient).ForEachShard)
}

type forEach = func(*redis.ClusterClient, context.Context, func(context.Context, *redis.Client) error) error

func listNodes(ctx context.Context, rdb redis.UniversalClient, each forEach) ([]node, error) {
	var mu sync.Mutex
	var nodes []node
	visit := func(_ context.Context, one *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, node{one.Options().Addr, one})
		return nil
	}
	switch rdb := rdb.(type) {
	case *redis.Client:
		return []node{{rdb.Options().Addr, rdb}}, nil
	case *redis.ClusterClient:
		if err := each(rdb, ctx, visit); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(nodes, func(a, b node) int { return cmp.Compare(a.address, b.address) })
	return nodes, nil
}
