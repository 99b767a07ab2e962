package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/navvy-go/navvy/lockmgr"
)

// refreshBehind loads an entry anew in the background, unless somebody is at it. seen is what made the caller want it.
//
// Why: docs/decisions/features.md#xfetch-refreshes-in-the-background
func (c *Cache) refreshBehind(
	ctx context.Context, key string, seen meta, load func(context.Context, *lockmgr.Lock) error,
) {
	c.flights.behind(ctx, "refresh "+key, c.config.LoadTimeout, func(ctx context.Context) ([]byte, error) {
		if err := c.refresh(ctx, key, seen, load); err != nil && !errors.Is(err, ErrNotFound) {
			c.config.Report(fmt.Errorf("cache: refresh %s: %w", key, err))
		}
		return nil, nil
	})
}

func (c *Cache) refresh(
	ctx context.Context, key string, seen meta, load func(context.Context, *lockmgr.Lock) error,
) error {
	lock, err := c.locks.TryAcquire(ctx, lockPrefix+key, lockmgr.TTL(c.config.Lease))
	if errors.Is(err, lockmgr.ErrNotAcquired) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.release(ctx, lock)
	if e, err := c.read(ctx, key); err != nil || e.meta != seen {
		return err // another process has done it since, or removed it
	}
	return load(ctx, lock)
}
