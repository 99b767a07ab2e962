package inspect

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// CronQueues lists, by name, the queues that have cron entries. It costs one O(1) command for each queue.
func (i *Inspector) CronQueues(ctx context.Context) ([]string, error) {
	names, err := i.cronQueues(ctx)
	if err != nil {
		return nil, fmt.Errorf("queue: list queues with cron entries: %w", err)
	}
	return names, nil
}

func (i *Inspector) cronQueues(ctx context.Context) (names []string, err error) {
	queues, err := i.registry.All(ctx)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(queues, censusStep) {
		pipe := i.rdb.Pipeline()
		entries := make([]*redis.IntCmd, len(some))
		for k := range some {
			entries[k] = pipe.HLen(ctx, some[k].Cron())
		}
		_, _ = pipe.Exec(ctx) // each command has its own error
		for k := range some {
			switch err := entries[k].Err(); {
			case redisx.IsAway(err):
				return nil, err
			case err != nil, entries[k].Val() > 0: // a key of another type: the queue is read, and that fails
				names = append(names, some[k].Name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}
