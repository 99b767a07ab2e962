package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/jobs/payment"
)

// orderKeys lists the keys of all orders in Redis. Orders belong to no namespace: those that were there before a run
// must be told from the run's own.
func orderKeys(ctx context.Context, rdb redis.UniversalClient) (map[string]bool, error) {
	var mu sync.Mutex
	keys := map[string]bool{}
	err := redisx.EachMaster(ctx, rdb, func(ctx context.Context, node redis.UniversalClient) error {
		each := node.Scan(ctx, 0, "order:*", 1000).Iterator()
		for each.Next(ctx) {
			mu.Lock()
			keys[each.Val()] = true
			mu.Unlock()
		}
		return each.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list the orders: %w", err)
	}
	return keys, nil
}

// countOrders looks at the state of each order, all but the earlier ones.
func (s *summary) countOrders(ctx context.Context, rdb redis.UniversalClient, earlier map[string]bool) error {
	keys, err := orderKeys(ctx, rdb)
	if err != nil {
		return err
	}
	for key := range keys {
		if earlier[key] {
			continue
		}
		state, err := rdb.HGet(ctx, key, "state").Result()
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if payment.State(state) == payment.Paid {
			s.Paid++
		} else {
			s.Unpaid++
		}
	}
	return nil
}
