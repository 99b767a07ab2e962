package session

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// scanCount is how many keys Redis looks at for one SCAN.
const scanCount = 1000

// scan calls visit with the keys of a type that begin with prefix, page by page, on each master of a cluster one after
// the other. A key may come twice.
func scan(ctx context.Context, rdb redis.UniversalClient, prefix, kind string, visit func([]string) error) error {
	turn := make(chan struct{}, 1) // masters are visited side by side
	return redisx.EachMaster(ctx, rdb, func(ctx context.Context, node redis.UniversalClient) error {
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
