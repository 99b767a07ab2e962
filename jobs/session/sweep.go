package session

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Sweep takes from the index of every user what has ended, and returns how many entries it took. Sessions that ended by
// their idle timeout, or by a DEL of another program, stay there until a sweep, a list or the absolute timeout. It
// walks all keys of Redis by cursor, and calls progress, if it is not nil, with the number as it grows.
func (s *Store) Sweep(ctx context.Context, progress func(removed int64)) (int64, error) {
	removed := int64(0)
	err := scan(ctx, s.rdb, userPrefix, "zset", func(keys []string) error {
		for _, key := range keys {
			n, err := s.sweepUser(ctx, strings.TrimPrefix(key, userPrefix))
			removed += n
			if err != nil {
				return err
			}
		}
		if progress != nil {
			progress(removed)
		}
		return nil
	})
	return removed, wrapped("session: sweep", err)
}

func (s *Store) sweepUser(ctx context.Context, userID string) (int64, error) {
	key := userKey(userID)
	removed, err := s.rdb.ZRemRangeByScore(ctx, key, "-inf", s.nowMS()).Result()
	for cursor := uint64(0); err == nil; {
		var pairs []string
		if pairs, cursor, err = s.rdb.ZScan(ctx, key, cursor, "", pageSize).Result(); err != nil {
			break
		}
		var n int64
		n, err = s.removeEnded(ctx, key, pairs)
		removed += n
		if cursor == 0 {
			break
		}
	}
	return removed, err
}

// removeEnded takes the IDs that have no session from an index. pairs are IDs and scores in turn.
func (s *Store) removeEnded(ctx context.Context, key string, pairs []string) (int64, error) {
	lives := make([]*redis.IntCmd, 0, len(pairs)/2)
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := 0; i < len(pairs); i += 2 {
			lives = append(lives, pipe.Exists(ctx, sessionKey(pairs[i])))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	var ended []any
	for i, live := range lives {
		if live.Val() == 0 {
			ended = append(ended, pairs[2*i])
		}
	}
	if len(ended) == 0 {
		return 0, nil
	}
	return s.rdb.ZRem(ctx, key, ended...).Result()
}
