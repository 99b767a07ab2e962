package cache

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// scanCount is how many keys Redis looks at for one SCAN.
const scanCount = 1000

// InvalidatePrefix removes every entry whose key begins with prefix, in which no character has a special meaning, and
// keeps what is being loaded for such a key from being stored. It walks all keys of Redis by cursor, on each master of
// a cluster, so prefer tags where entries come and go often. It returns how many it removed, and calls progress, if it
// is not nil, with that number as it grows.
//
// Keys are removed whoever wrote them, as long as they are strings: choose the prefix with care.
func (c *Cache) InvalidatePrefix(ctx context.Context, prefix string, progress func(removed int64)) (int64, error) {
	if prefix == "" {
		return 0, fmt.Errorf("cache: invalidate: %w: the prefix is empty", ErrInvalid)
	}
	sweep := &prefixSweep{cache: c, prefix: prefix, progress: progress}
	err := redisx.EachMaster(ctx, c.rdb, sweep.run)
	if err != nil {
		err = fmt.Errorf("cache: invalidate %s*: %w", prefix, err)
	}
	return sweep.removed, err
}

// prefixSweep is one walk over all keys. The masters of a cluster are walked side by side.
type prefixSweep struct {
	cache    *Cache
	prefix   string
	progress func(int64)

	mu      sync.Mutex
	removed int64
}

// run walks one server. The pattern also finds the companions, which begin with a brace: an entry whose value is not
// there, because it is being loaded or known to be missing, has nothing else.
func (s *prefixSweep) run(ctx context.Context, node redis.UniversalClient) error {
	pattern := "*" + escapeGlob(s.prefix) + "*"
	for cursor := uint64(0); ; {
		names, next, err := node.ScanType(ctx, cursor, pattern, scanCount, "string").Result()
		if err != nil {
			return err
		}
		if err := s.remove(ctx, names); err != nil {
			return err
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

func (s *prefixSweep) remove(ctx context.Context, names []string) error {
	keys, n := map[string]struct{}{}, int64(0)
	for _, name := range names {
		if key := owner(name); key != "" {
			name = key
		}
		switch {
		case !strings.HasPrefix(name, s.prefix):
		case checkKey(name) == nil:
			keys[name] = struct{}{}
		default: // another program's, which can have no companions
			one, err := s.cache.rdb.Unlink(ctx, name).Result()
			if err != nil {
				return err
			}
			n += one
		}
	}
	if len(keys)+int(n) == 0 {
		return nil
	}
	more, err := s.cache.remove(ctx, slices.Collect(maps.Keys(keys)))
	n += more
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed += n
	if s.progress != nil {
		s.progress(s.removed)
	}
	return err
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`)

// escapeGlob takes the special meaning from the characters of a pattern.
func escapeGlob(text string) string { return globEscaper.Replace(text) }
