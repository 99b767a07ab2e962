package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/navvy-go/navvy/internal/redisx"
)

// A tag is the sorted set cache:tag:<tag>, key to the latest end of its entry in Unix ms. Expired members go when
// others are added, and the set with the last of them, so its memory is bounded by what is cached.
func tagKey(tag string) string    { return tagPrefix + tag }
func doomedKey(tag string) string { return redisx.Companion(tagKey(tag), "doomed") }

func checkTag(tag string) error {
	if tag == "" {
		return fmt.Errorf("%w: a tag is empty", ErrInvalid)
	}
	return checkKey(tagKey(tag))
}

// pageSize is how many keys are removed at a time.
const pageSize = 500

// tag puts a key in the index of each of its tags.
func (c *Cache) tag(ctx context.Context, key string, o entryOptions) error {
	now := c.config.Now()
	longest := max(c.config.LoadTimeout+o.ttl+o.staleFor, o.missTTL)
	for _, tag := range o.tags {
		end := now.Add(longest).UnixMilli()
		err := tagScript.Run(ctx, c.rdb, []string{tagKey(tag)}, key, end, now.UnixMilli()).Err()
		if err != nil {
			return fmt.Errorf("cache: tag %s with %s: %w", key, tag, err)
		}
	}
	return nil
}

// InvalidateTags removes every entry that has one of the tags, and keeps what is being loaded for them from being
// stored. It returns how many it removed. A call that failed or died may be repeated: nothing is forgotten.
func (c *Cache) InvalidateTags(ctx context.Context, tags ...string) (int64, error) {
	removed := int64(0)
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return removed, fmt.Errorf("cache: invalidate: %w", err)
		}
		n, err := c.invalidateTag(ctx, tag)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("cache: invalidate tag %s: %w", tag, err)
		}
	}
	return removed, nil
}

// invalidateTag sets the index aside and empties it page by page: entries first, then their place in the index, to
// which nobody adds. What an earlier call left behind goes before.
//
// Why: docs/decisions/features.md#tags-are-indexes-not-version-stamps
func (c *Cache) invalidateTag(ctx context.Context, tag string) (int64, error) {
	removed, mayTake := int64(0), true
	for {
		keys := []string{tagKey(tag), doomedKey(tag)}
		reply, err := doomScript.Run(ctx, c.rdb, keys, mayTake, pageSize).Slice()
		if err != nil {
			return removed, err
		}
		took, page, err := parseDoomed(reply)
		if err != nil || len(page) == 0 {
			return removed, err
		}
		mayTake = mayTake && !took
		n, err := c.remove(ctx, page)
		removed += n
		if err != nil {
			return removed, err
		}
		if err := c.rdb.ZRem(ctx, doomedKey(tag), anys(page)...).Err(); err != nil {
			return removed, err
		}
	}
}

func parseDoomed(reply []any) (took bool, page []string, err error) {
	if len(reply) != 2 {
		return false, nil, errors.New("unexpected reply")
	}
	flag, ok := reply[0].(int64)
	members, list := reply[1].([]any)
	for _, member := range members {
		key, text := member.(string)
		ok = ok && text
		page = append(page, key)
	}
	if !ok || !list {
		return false, nil, errors.New("unexpected reply")
	}
	return flag == 1, page, nil
}

func anys(texts []string) []any {
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return values
}
