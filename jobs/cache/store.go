package cache

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// begin marks a key as being loaded and puts it in the index of its tags, in this order: an invalidation that does not
// find the key in the index came before the load, and one that does deletes the mark. Loads that run side by side, as
// those of pages for users with cookies, share the mark.
func (c *Cache) begin(ctx context.Context, key string, o entryOptions) (string, error) {
	last := (c.config.LoadTimeout + c.config.Lease).Milliseconds()
	token, err := beginScript.Run(ctx, c.rdb, []string{loadingKey(key)}, rand.Text(), last).Text()
	if err != nil {
		return "", fmt.Errorf("cache: mark %s: %w", key, err)
	}
	if err := c.tag(ctx, key, o); err != nil {
		return "", err
	}
	return token, nil
}

// store writes an entry and its companion, and reports false if the key was invalidated after begin. Without a token
// it writes in any case, and takes a load that is under way its right to.
func (c *Cache) store(ctx context.Context, key, token string, e entry, o entryOptions) (bool, error) {
	companion, err := json.Marshal(e.meta)
	if err != nil {
		return false, fmt.Errorf("cache: store %s: %w", key, err)
	}
	keep := o.missTTL
	if !e.meta.Missing {
		keep = max(time.UnixMilli(e.meta.Expires).Sub(c.config.Now()), time.Millisecond) + o.staleFor
	}
	keys := []string{key, metaKey(key), loadingKey(key)}
	stored, err := storeScript.Run(ctx, c.rdb, keys, token, e.raw, companion, max(keep.Milliseconds(), 1)).Bool()
	if err != nil {
		return false, fmt.Errorf("cache: store %s: %w", key, err)
	}
	c.flights.succeed(key)
	return stored, nil
}
