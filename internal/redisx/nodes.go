package redisx

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// EachMaster calls visit with each server that has keys of its own: the only one, or the masters of a cluster, all at
// the same time. It returns the first error.
func EachMaster(
	ctx context.Context, rdb redis.UniversalClient, visit func(context.Context, redis.UniversalClient) error,
) error {
	cluster, ok := rdb.(*redis.ClusterClient)
	if !ok {
		return visit(ctx, rdb)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return visit(ctx, node) })
}

// Masters lists the servers that have keys of their own, in the order of their addresses.
func Masters(ctx context.Context, rdb redis.UniversalClient) ([]*redis.Client, error) {
	return list(ctx, rdb, (*redis.ClusterClient).ForEachMaster)
}

// Nodes lists all servers, replicas of a cluster included, in the order of their addresses.
func Nodes(ctx context.Context, rdb redis.UniversalClient) ([]*redis.Client, error) {
	return list(ctx, rdb, (*redis.ClusterClient).ForEachShard)
}

type forEach = func(*redis.ClusterClient, context.Context, func(context.Context, *redis.Client) error) error

func list(ctx context.Context, rdb redis.UniversalClient, each forEach) ([]*redis.Client, error) {
	switch rdb := rdb.(type) {
	case *redis.Client:
		return []*redis.Client{rdb}, nil
	case *redis.ClusterClient:
		var mu sync.Mutex
		var nodes []*redis.Client
		err := each(rdb, ctx, func(_ context.Context, node *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, node)
			return nil
		})
		slices.SortFunc(nodes, func(a, b *redis.Client) int { return cmp.Compare(a.Options().Addr, b.Options().Addr) })
		return nodes, err
	}
	return nil, unsupported(rdb)
}
