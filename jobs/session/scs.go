package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// DefaultSCSPrefix begins the keys of [SCS].
const DefaultSCSPrefix = "scs:session:"

// scsLimit bounds the calls that come without a context, and maxToken a token's length in bytes.
const (
	scsLimit = 10 * time.Second
	maxToken = 256
)

// SCSStore keeps the sessions of alexedwards/scs: <prefix><token>, in that library's own format, until they expire. It
// is an scs.Store, CtxStore, IterableStore and IterableCtxStore.
type SCSStore struct {
	rdb    redis.UniversalClient
	prefix string
}

// SCS returns a store for an scs.SessionManager. The prefix defaults to [DefaultSCSPrefix].
func SCS(rdb redis.UniversalClient, prefix string) *SCSStore {
	return &SCSStore{rdb: rdb, prefix: cmp.Or(prefix, DefaultSCSPrefix)}
}

// FindCtx returns the data of a token, and whether there is any.
func (s *SCSStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if token == "" || len(token) > maxToken {
		return nil, false, nil
	}
	data, err := s.rdb.Get(ctx, s.prefix+token).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	return data, err == nil, wrapped("session: find", err)
}

// CommitCtx stores the data of a token until expiry; what has expired is deleted.
func (s *SCSStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if token == "" || len(token) > maxToken {
		return fmt.Errorf("session: commit: %w: the token has %d bytes", ErrInvalid, len(token))
	}
	left := time.Until(expiry)
	if left < time.Millisecond {
		return s.DeleteCtx(ctx, token)
	}
	return wrapped("session: commit", s.rdb.Set(ctx, s.prefix+token, data, left).Err())
}

// DeleteCtx deletes a token. That it is not there is no error.
func (s *SCSStore) DeleteCtx(ctx context.Context, token string) error {
	return wrapped("session: delete", s.rdb.Del(ctx, s.prefix+token).Err())
}

// AllCtx returns the data of every token. It walks all keys of Redis by cursor, and holds all sessions in memory.
func (s *SCSStore) AllCtx(ctx context.Context) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := scan(ctx, s.rdb, s.prefix, "string", func(keys []string) error {
		values := make([]*redis.StringCmd, len(keys))
		_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i, key := range keys {
				values[i] = pipe.Get(ctx, key)
			}
			return nil
		})
		for i, value := range values {
			if value.Err() == nil {
				all[strings.TrimPrefix(keys[i], s.prefix)] = []byte(value.Val())
			}
		}
		if errors.Is(err, redis.Nil) { // it expired since the scan
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("session: list all: %w", err)
	}
	return all, nil
}

// Find is FindCtx without a context, bounded to 10 s.
func (s *SCSStore) Find(token string) ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scsLimit)
	defer cancel()
	return s.FindCtx(ctx, token)
}

// Commit is CommitCtx without a context, bounded to 10 s.
func (s *SCSStore) Commit(token string, data []byte, expiry time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), scsLimit)
	defer cancel()
	return s.CommitCtx(ctx, token, data, expiry)
}

// Delete is DeleteCtx without a context, bounded to 10 s.
func (s *SCSStore) Delete(token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), scsLimit)
	defer cancel()
	return s.DeleteCtx(ctx, token)
}

// All is AllCtx without a context, bounded to 10 s.
func (s *SCSStore) All() (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scsLimit)
	defer cancel()
	return s.AllCtx(ctx)
}
