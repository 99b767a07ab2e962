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
func (d *Dashboard) masters(ctx context.Context) ([]node, error) {
	return listNodes(ctx, d.cfg.Redis, (*redis.ClusterClient).ForEachMaster)
}

// allNodes lists all servers, those that copy others included.
func (d *Dashboard) allNodes(ctx context.Context) ([]node, error) {
	return listNodes(ctx, d.cfg.Redis, (*redis.ClusterClient).ForEachShard)
}

type visiting = func(*redis.ClusterClient, context.Context, func(context.Context, *redis.Client) error) error

func listNodes(ctx context.Context, rdb redis.UniversalClient, each visiting) ([]node, error) {
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
