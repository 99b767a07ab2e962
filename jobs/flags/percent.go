package flags

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	percentTries = 50                    // each loses against a change of somebody else
	percentPause = 20 * time.Millisecond // before the next, at the most: so that none loses all the time
)

var errRulesChanged = errors.New("its rules are changed by somebody else all the time")

// SetPercent sets the share of all users for whom a flag is on, 0 to 100, and leaves the rest of its rules as they are,
// also when somebody else changes those at the same moment. It returns the share before. A bad percentage is
// [ErrInvalid], and so are rules of the flag that cannot be read; they stay.
func (s *Store) SetPercent(
	ctx context.Context, flag string, percent float64, author Author,
) (before float64, err error) {
	for range percentTries {
		before, err = s.trySetPercent(ctx, flag, percent, author)
		if !errors.Is(err, errRulesChanged) {
			break
		}
		select {
		case <-time.After(rand.N(percentPause)):
		case <-ctx.Done():
			return before, fmt.Errorf("flags: %s: %w", flag, ctx.Err())
		}
	}
	return before, err
}

func (s *Store) trySetPercent(ctx context.Context, flag string, percent float64, author Author) (float64, error) {
	text, err := s.rdb.Get(ctx, rulesKey(flag)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("flags: %s: %w", flag, err)
	}
	rules, err := decodeRules(text)
	if err != nil {
		return 0, fmt.Errorf("flags: %s: %w", flag, err)
	}
	before := rules.Percent
	rules.Percent = percent
	return before, s.Apply(ctx, "", author, Change{Flag: flag, Action: SetRules, Rules: &rules, was: &text})
}
