package inspect

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Evictions are the keys that Redis has deleted by itself because it was full. Whole queues may be among them.
type Evictions struct {
	Keys   int64  `json:"keys"`             // since the servers started
	Policy string `json:"policy,omitempty"` // their maxmemory-policy; of several, one that deletes keys without a TTL
}

// String says what it means for jobs; "" if nothing was evicted.
func (e Evictions) String() string {
	if e.Keys == 0 {
		return ""
	}
	return fmt.Sprintf("Redis has evicted %d keys since it started (maxmemory-policy is %s): jobs may be lost", e.Keys,
		e.Policy)
}

// Evictions counts the keys that all servers have evicted. Servers that do not disclose it count as none.
func (i *Inspector) Evictions(ctx context.Context) (Evictions, error) {
	var mu sync.Mutex
	var all Evictions
	err := redisx.EachMaster(ctx, i.rdb, func(ctx context.Context, node redis.UniversalClient) error {
		pipe := node.Pipeline()
		stats, memory := pipe.Info(ctx, "stats"), pipe.Info(ctx, "memory")
		if err := redisx.Execute(ctx, pipe, "NOPERM"); err != nil {
			return err
		}
		keys, _ := strconv.ParseInt(infoField(stats.Val(), "evicted_keys"), 10, 64)
		policy := infoField(memory.Val(), "maxmemory_policy")
		mu.Lock()
		defer mu.Unlock()
		all.Keys += keys
		if all.Policy == "" || strings.HasPrefix(policy, "allkeys-") {
			all.Policy = policy
		}
		return nil
	})
	if err != nil {
		return Evictions{}, fmt.Errorf("queue: evictions: %w", err)
	}
	return all, nil
}

// infoField returns a value of a section of INFO, "" if it is not there.
func infoField(section, name string) string {
	for line := range strings.Lines(section) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
