package session

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// pageSize is how many sessions of a user are looked at in one round trip.
const pageSize = 500

// maxListed bounds a list.
const maxListed = 1000

// index puts a session among those of its user: a sorted set, ID to the latest end, Unix ms. What has ended by the
// absolute timeout goes at each addition, and the set itself with its last session. The session is stored before it is
// indexed, so an ID in the index that has no session has had one.
func (s *Store) index(ctx context.Context, made *Session) error {
	if made.UserID == "" {
		return nil
	}
	key, end := userKey(made.UserID), made.CreatedAt.Add(s.config.Absolute).UnixMilli()
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.ZAdd(ctx, key, redis.Z{Score: float64(end), Member: made.ID})
		pipe.ZRemRangeByScore(ctx, key, "-inf", s.nowMS())
		pipe.PExpire(ctx, key, s.config.Absolute)
		return nil
	})
	if err != nil {
		return fmt.Errorf("session: index: %w", err)
	}
	return nil
}

func (s *Store) nowMS() string { return strconv.FormatInt(s.config.Now().UnixMilli(), 10) }

func (s *Store) unindex(ctx context.Context, ended *Session) error {
	if ended.UserID == "" {
		return nil
	}
	if err := s.rdb.ZRem(ctx, userKey(ended.UserID), ended.ID).Err(); err != nil {
		return fmt.Errorf("session: take from the index: %w", err)
	}
	return nil
}

// ListByUser returns the live sessions of a user, the latest login first, 1,000 at the most. It takes what has ended
// from the index.
func (s *Store) ListByUser(ctx context.Context, userID string) ([]*Session, error) {
	ids, err := s.rdb.ZRevRange(ctx, userKey(userID), 0, maxListed-1).Result()
	if err != nil || len(ids) == 0 {
		return nil, wrapped("session: list", err)
	}
	raws, err := s.getAll(ctx, ids)
	if err != nil {
		return nil, wrapped("session: list", err)
	}
	var live []*Session
	var ended []any
	for i, id := range ids {
		if raws[i].Err() == nil {
			if found, err := s.decode(id, raws[i].Val()); err == nil && found.UserID == userID {
				live = append(live, found)
				continue
			}
		}
		ended = append(ended, id)
	}
	if len(ended) > 0 {
		err = s.rdb.ZRem(ctx, userKey(userID), ended...).Err()
	}
	return live, wrapped("session: list", err)
}

// getAll reads sessions in one round trip for each server. Those that are not there have the error redis.Nil.
func (s *Store) getAll(ctx context.Context, ids []string) ([]*redis.StringCmd, error) {
	raws := make([]*redis.StringCmd, len(ids))
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, id := range ids {
			raws[i] = pipe.Get(ctx, sessionKey(id))
		}
		return nil
	})
	for _, raw := range raws {
		if err := raw.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
	}
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return raws, err
}

// RevokeUser ends every session of a user, signing them out everywhere, and returns how many lived. An update or a
// rotation that is under way cannot bring one back; a login that comes after stays.
func (s *Store) RevokeUser(ctx context.Context, userID string) (int64, error) {
	if userID == "" {
		return 0, fmt.Errorf("session: revoke: %w: no user", ErrInvalid)
	}
	revoked := int64(0)
	for {
		ids, err := s.rdb.ZRange(ctx, userKey(userID), 0, pageSize-1).Result()
		if err != nil || len(ids) == 0 {
			return revoked, wrapped("session: revoke", err)
		}
		n, err := s.endAll(ctx, ids)
		revoked += n
		if err == nil {
			err = s.rdb.ZRem(ctx, userKey(userID), anys(ids)...).Err()
		}
		if err != nil {
			return revoked, wrapped("session: revoke", err)
		}
	}
}

func (s *Store) endAll(ctx context.Context, ids []string) (int64, error) {
	unlinks := make([]*redis.IntCmd, len(ids))
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, id := range ids {
			unlinks[i] = pipe.Unlink(ctx, sessionKey(id))
		}
		return nil
	})
	ended := int64(0)
	for _, unlink := range unlinks {
		ended += unlink.Val()
	}
	return ended, err
}

func wrapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func anys(texts []string) []any {
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return values
}
