package apikey

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	createScript = redisx.LoadScript(luaFiles, "create")
	revokeScript = redisx.LoadScript(luaFiles, "revoke")
)

// Create makes a key, under a name that no other key has. The secret is returned this once.
func (s *Store) Create(ctx context.Context, r Request, now time.Time) (secret string, k Key, err error) {
	k, err = r.key(now)
	if err != nil {
		return "", Key{}, fmt.Errorf("apikey: %w", err)
	}
	secret = credentials.Random()
	id, _ := IDOf(secret)
	switch made, err := createScript.Run(ctx, s.rdb, []string{s.key}, k.Name, string(id), k.stored(), Most).Int(); {
	case err != nil:
		return "", Key{}, fmt.Errorf("apikey: create %s: %w", k.Name, err)
	case made == 0:
		return "", Key{}, fmt.Errorf("apikey: %s: %w", k.Name, ErrExists)
	case made < 0:
		return "", Key{}, fmt.Errorf("apikey: %w", ErrTooMany)
	}
	return secret, k, nil
}

// Revoke ends the key of a name, and returns what it was. A gateway lets it in for two seconds more at the most.
func (s *Store) Revoke(ctx context.Context, name string) (Key, error) {
	was, err := revokeScript.Run(ctx, s.rdb, []string{s.key}, name).StringSlice()
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("apikey: revoke %.80q: %w", name, err)
	case len(was) != 2:
		return Key{}, fmt.Errorf("apikey: %.80q: %w", name, ErrNotFound)
	}
	_ = s.rdb.Del(ctx, s.used(ID(was[0]))).Err() // else it goes by itself
	k, err := parse(was[1])
	if err != nil {
		k = Key{Name: name} // it is gone, whatever it was
	}
	return k, nil
}

// Find returns the key of an ID, expired or not, and whether there is one. A damaged one is none.
func (s *Store) Find(ctx context.Context, id ID) (Key, bool, error) {
	text, err := s.rdb.HGet(ctx, s.key, "key:"+string(id)).Result()
	if errors.Is(err, redis.Nil) {
		return Key{}, false, nil
	}
	if err != nil {
		return Key{}, false, fmt.Errorf("apikey: find: %w", err)
	}
	k, err := parse(text)
	return k, err == nil, nil
}

// Used notes that a key was used.
func (s *Store) Used(ctx context.Context, id ID, at time.Time) error {
	if err := s.rdb.Set(ctx, s.used(id), at.UnixMilli(), UseKept).Err(); err != nil {
		return fmt.Errorf("apikey: note a use: %w", err)
	}
	return nil
}

// List returns all keys by their names, those that have expired and those that are damaged too.
func (s *Store) List(ctx context.Context) ([]Key, error) {
	fields, err := s.rdb.HGetAll(ctx, s.key).Result()
	if err != nil {
		return nil, fmt.Errorf("apikey: list: %w", err)
	}
	var keys []Key
	var uses []*redis.StringCmd
	pipe := s.rdb.Pipeline()
	for field, sum := range fields {
		name, isName := strings.CutPrefix(field, "name:")
		if !isName {
			continue
		}
		k, err := parse(fields["key:"+sum])
		if err != nil {
			k = Key{}
		}
		k.Name = name
		keys, uses = append(keys, k), append(uses, pipe.Get(ctx, s.used(ID(sum))))
	}
	if len(keys) == 0 {
		return nil, nil
	}
	if err := redisx.Execute(ctx, pipe); err != nil {
		return nil, fmt.Errorf("apikey: list: %w", err)
	}
	for i, use := range uses {
		if ms, err := strconv.ParseInt(use.Val(), 10, 64); err == nil {
			at := time.UnixMilli(ms).UTC()
			keys[i].LastUse = &at
		}
	}
	return byName(keys), nil
}
