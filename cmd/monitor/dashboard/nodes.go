package dashboard

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// node is one server: the only one, or one of a cluster.
type node struct {
	address string
	rdb     *redis.Client
}

// masters lists the servers that keys are looked for on, in a fixed order.
func (d *Dashboard) masters(ctx context.Context) ([]node, error) {
	return named(redisx.Masters(ctx, d.cfg.Redis))
}

// allNodes lists all servers, those that copy others included.
func (d *Dashboard) allNodes(ctx context.Context) ([]node, error) {
	return named(redisx.Nodes(ctx, d.cfg.Redis))
}

func named(clients []*redis.Client, err error) ([]node, error) {
	nodes := make([]node, len(clients))
	for i, client := range clients {
		nodes[i] = node{client.Options().Addr, client}
	}
	return nodes, err
}
