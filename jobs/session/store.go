package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Errors a caller can act on. They come wrapped, so find them with errors.Is.
var (
	// ErrNotFound says that there is no such session: it never was, it ended, or it cannot be decoded.
	ErrNotFound = errors.New("session not found")

	// ErrTooLarge says that a session would be longer than [Config.MaxBytes].
	ErrTooLarge = errors.New("session is too large")

	// ErrConflict says that an update lost against others 100 times in a row.
	ErrConflict = errors.New("session changes too often")

	// ErrInvalid says that the arguments make no sense.
	ErrInvalid = errors.New("invalid argument")
)

// Defaults of [Config].
const (
	DefaultIdle     = time.Hour
	DefaultAbsolute = 24 * time.Hour
	DefaultMaxBytes = 64 << 10 // 64 KiB
)

// maxAttempts bounds how often an update is tried.
const maxAttempts = 100

// Config says how long sessions live. The zero value works.
type Config struct {
	Idle     time.Duration    // without use. 1 s or more. Defaults to [DefaultIdle]
	Absolute time.Duration    // since the login, used or not. 1 s or more. Defaults to [DefaultAbsolute]
	MaxBytes int              // of a session's JSON. Defaults to [DefaultMaxBytes]
	Report   func(error)      // called for damaged sessions and forged cookies. Optional
	Now      func() time.Time // Defaults to time.Now
}

// Store keeps sessions in Redis. It is safe for concurrent use and needs no closing.
type Store struct {
	rdb    redis.UniversalClient
	config Config
}

// New returns a store of the sessions in rdb, or [ErrInvalid].
func New(rdb redis.UniversalClient, config Config) (*Store, error) {
	config.Idle = cmp.Or(config.Idle, DefaultIdle)
	config.Absolute = cmp.Or(config.Absolute, DefaultAbsolute)
	config.MaxBytes = cmp.Or(config.MaxBytes, DefaultMaxBytes)
	if config.Report == nil {
		config.Report = func(error) {}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Idle < time.Second || config.Absolute < time.Second || config.MaxBytes < 0 {
		return nil, fmt.Errorf("session: %w: Idle %s and Absolute %s must be 1 s or more, MaxBytes %d above 0",
			ErrInvalid, config.Idle, config.Absolute, config.MaxBytes)
	}
	return &Store{rdb: rdb, config: config}, nil
}

// What the scripts reply.
const (
	gone    = -1
	changed = 0
)

// Create makes a session of a user, or of a visitor with the user ID "". Metadata may be nil.
func (s *Store) Create(ctx context.Context, userID string, metadata map[string]any) (*Session, error) {
	if err := checkUser(userID); err != nil {
		return nil, fmt.Errorf("session: create: %w", err)
	}
	made := &Session{ID: newID(), UserID: userID, CreatedAt: s.now(), Metadata: metadata}
	if err := s.write(ctx, made); err != nil {
		return nil, fmt.Errorf("session: create: %w", err)
	}
	return made, nil
}

func (s *Store) now() time.Time { return s.config.Now().UTC().Truncate(time.Microsecond) }

// write stores a session under an ID that nobody knows yet, and puts it in its user's index.
func (s *Store) write(ctx context.Context, made *Session) error {
	raw, err := s.encode(made)
	if err != nil {
		return err
	}
	if err := s.rdb.Set(ctx, sessionKey(made.ID), raw, s.left(made)).Err(); err != nil {
		return err
	}
	made.raw = raw
	return s.index(ctx, made)
}

func (s *Store) encode(made *Session) (string, error) {
	raw, err := made.encode()
	if err == nil && len(raw) > s.config.MaxBytes {
		err = fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(raw), s.config.MaxBytes)
	}
	return raw, err
}

// left is how long the session lives if it is not used again, at least 1 ms.
func (s *Store) left(of *Session) time.Duration {
	absolute := of.CreatedAt.Add(s.config.Absolute).Sub(s.config.Now())
	return max(min(s.config.Idle, absolute), time.Millisecond)
}

// Get returns a session, or [ErrNotFound]. It does not prolong it, see [Store.Refresh]. A session that cannot be decoded
// is reported and counts as not there.
func (s *Store) Get(ctx context.Context, id string) (*Session, error) {
	found, _, err := s.read(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("session: get: %w", err)
	}
	return found, nil
}

// read gets a session and the time it has left in Redis, in one round trip.
func (s *Store) read(ctx context.Context, id string) (*Session, time.Duration, error) {
	if !validID(id) {
		return nil, 0, ErrNotFound
	}
	var value *redis.StringCmd
	var ttl *redis.DurationCmd
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		value, ttl = pipe.Get(ctx, sessionKey(id)), pipe.PTTL(ctx, sessionKey(id))
		return nil
	})
	if errors.Is(err, redis.Nil) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	found, err := s.decode(id, value.Val())
	return found, ttl.Val(), err
}

func (s *Store) decode(id, raw string) (*Session, error) {
	found, err := decode(id, raw)
	if err != nil { // its ID is a secret
		s.config.Report(fmt.Errorf("session: damaged session: %w", err))
		return nil, ErrNotFound
	}
	if s.config.Now().Sub(found.CreatedAt) >= s.config.Absolute {
		return nil, ErrNotFound
	}
	return found, nil
}

// Update changes a session by a function that may be called again if others change it at the same time, and prolongs
// it. It returns what was stored, [ErrNotFound], or the function's own error. It does not change whose session it is:
// that is a login, see [Store.Rotate].
func (s *Store) Update(ctx context.Context, id string, change func(*Session) error) (*Session, error) {
	for range maxAttempts {
		updated, err := s.updateOnce(ctx, id, change)
		if err == nil || !errors.Is(err, ErrConflict) {
			return updated, err
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("session: update: %w", err)
		}
	}
	return nil, fmt.Errorf("session: update: %w", ErrConflict)
}

// pause lets the others finish, up to 2 ms at random.
func pause(ctx context.Context) error {
	timer := time.NewTimer(rand.N(2 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Why: docs/decisions/features.md#a-session-is-changed-in-go-by-compare-and-set-on-its-text
func (s *Store) updateOnce(ctx context.Context, id string, change func(*Session) error) (*Session, error) {
	found, _, err := s.read(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("session: update: %w", err)
	}
	user, created := found.UserID, found.CreatedAt
	if err := change(found); err != nil {
		return nil, err
	}
	if found.ID != id || found.UserID != user || !found.CreatedAt.Equal(created) {
		return nil, fmt.Errorf("session: update: %w: the ID, the user and the creation cannot change", ErrInvalid)
	}
	raw, err := s.encode(found)
	if err != nil {
		return nil, fmt.Errorf("session: update: %w", err)
	}
	keys, ttl := []string{sessionKey(id)}, s.left(found).Milliseconds()
	reply, err := replaceScript.Run(ctx, s.rdb, keys, found.raw, raw, ttl).Int()
	switch {
	case err != nil:
		return nil, fmt.Errorf("session: update: %w", err)
	case reply == gone:
		return nil, fmt.Errorf("session: update: %w", ErrNotFound)
	case reply == changed:
		return nil, ErrConflict
	}
	found.raw = raw
	if found.foreign {
		err = s.index(ctx, found)
	}
	return found, err
}

// Refresh prolongs a session by the idle timeout, but not beyond the absolute one. It returns [ErrNotFound] if there is
// none.
func (s *Store) Refresh(ctx context.Context, id string) error {
	found, _, err := s.read(ctx, id)
	if err == nil {
		err = s.prolong(ctx, found)
	}
	if err != nil {
		return fmt.Errorf("session: refresh: %w", err)
	}
	return nil
}

func (s *Store) prolong(ctx context.Context, found *Session) error {
	kept, err := s.rdb.PExpire(ctx, sessionKey(found.ID), s.left(found)).Result()
	if err == nil && !kept {
		return ErrNotFound
	}
	return err
}

// Destroy ends a session: a logout. That there is none is no error.
func (s *Store) Destroy(ctx context.Context, id string) error {
	if !validID(id) {
		return nil
	}
	raw, err := s.rdb.GetDel(ctx, sessionKey(id)).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("session: destroy: %w", err)
	}
	if ended, err := decode(id, raw); err == nil {
		return s.unindex(ctx, ended)
	}
	return nil
}
