package session

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// scanCount is how many keys Redis looks at for one SCAN.
const scanCount = 1000

// scan calls visit with the keys of a type that begin with prefix, page by page, on each master of a cluster one after
// the other. A key may come twice.
func scan(ctx context.Context, rdb redis.UniversalClient, prefix, kind string, visit func([]string) error) error {
	cluster, ok := rdb.(*redis.ClusterClient)
	if !ok {
		return scanNode(ctx, rdb, prefix, kind, visit)
	}
	turn := make(chan struct{}, 1) // the client asks its masters side by side
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		turn <- struct{}{}
		defer func() { <-turn }()
		return scanNode(ctx, node, prefix, kind, visit)
	})
}

func scanNode(ctx context.Context, node redis.UniversalClient, prefix, kind string, visit func([]string) error) error {
	for cursor := uint64(0); ; {
		keys, next, err := node.ScanType(ctx, cursor, globEscaper.Replace(prefix)+"*", scanCount, kind).Result()
		if err == nil && len(keys) > 0 {
			err = visit(keys)
		}
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`)
