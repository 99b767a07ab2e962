package flags

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrInvalid says that a flag, a user, a change or rules cannot be used; the message says why.
var ErrInvalid = errors.New("invalid flag")

// Store reads and changes flags in Redis. It is safe for concurrent use and needs no closing.
type Store struct {
	rdb redis.UniversalClient
}

// New returns a store of the flags in rdb.
func New(rdb redis.UniversalClient) *Store { return &Store{rdb: rdb} }

// IsEnabled reports whether a flag is on for everyone. A flag that nobody set is off.
func (s *Store) IsEnabled(ctx context.Context, flag string) (bool, error) {
	d, err := s.Decide(ctx, flag, "")
	return d.On, err
}

// IsEnabledForUser reports whether a flag is on for a user.
func (s *Store) IsEnabledForUser(ctx context.Context, flag, user string) (bool, error) {
	d, err := s.Decide(ctx, flag, user)
	return d.On, err
}

// Variant returns the name of the variant that a user has of a flag, or "" if the flag is off for that user or has no
// variants. It stays the same for a user as long as the weights do.
func (s *Store) Variant(ctx context.Context, flag, user string) (string, error) {
	d, err := s.Decide(ctx, flag, user)
	return d.Variant, err
}

// Decide says what a flag is for a user, or for nobody in particular if user is empty, and why. It is one round trip,
// as [Store.Evaluate] is.
func (s *Store) Decide(ctx context.Context, flag, user string) (Decision, error) {
	return s.Evaluate(ctx, flag, Subject{User: user})
}

// Evaluate says what a flag is for a subject, and why. It is one round trip, one more where the flag's targets name
// segments, and one for each flag that it requires.
func (s *Store) Evaluate(ctx context.Context, flag string, subject Subject) (Decision, error) {
	if err := checkFlag(flag); err != nil {
		return Decision{}, fmt.Errorf("flags: %w", err)
	}
	var failed error
	e := &evaluation{subject: subject, now: time.Now()}
	e.flag = func(name string) (record, listed) {
		r, list, err := s.read(ctx, name, subject.User)
		if err == nil && e.segments == nil && r.rules.usesSegments() {
			e.segments, err = s.Segments(ctx)
		}
		failed = errors.Join(failed, err)
		return r, list
	}
	d := e.decide(flag, 0)
	if failed != nil {
		return Decision{}, failed
	}
	return d, nil
}

// read reads a flag, and whether a user is on its lists.
func (s *Store) read(ctx context.Context, flag, user string) (r record, list listed, err error) {
	var on, rules *redis.StringCmd
	var users *redis.IntCmd
	var index *redis.FloatCmd
	var listedOn, listedOff *redis.BoolCmd
	_, err = s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		on, rules = pipe.Get(ctx, onKey(flag)), pipe.Get(ctx, rulesKey(flag))
		users, index = pipe.Exists(ctx, usersKey(flag)), pipe.ZScore(ctx, indexKey, flag)
		listedOn, listedOff = pipe.SIsMember(ctx, usersKey(flag), user), pipe.SIsMember(ctx, offKey(flag), user)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return r, list, fmt.Errorf("flags: look up %s: %w", flag, err)
	}
	r = record{
		known: index.Err() == nil || on.Err() == nil || rules.Err() == nil || users.Val() > 0 || listedOff.Val(),
		on:    on.Val() == "1",
	}
	r.rules, r.rulesErr = decodeRules(rules.Val())
	return r, listed{on: user != "" && listedOn.Val(), off: user != "" && listedOff.Val()}, nil
}
