package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// AppliedFor is how long an applied ID is remembered, so that its changes are not made again.
const AppliedFor = 24 * time.Hour

// Change is what happens to one member's score: exactly one of Score, By and Remove is set.
type Change struct {
	Member string   `json:"member"`
	Score  *float64 `json:"score,omitempty"`  // what it is from now on
	By     *float64 `json:"by,omitempty"`     // what is added to it; a member that is not on the board has 0
	Remove bool     `json:"remove,omitempty"` // off the board
}

// SetScore is the change that gives a member a score.
func SetScore(member string, score float64) Change { return Change{Member: member, Score: &score} }

// AddScore is the change that adds to a member's score.
func AddScore(member string, by float64) Change { return Change{Member: member, By: &by} }

// RemoveMember is the change that takes a member off the board.
func RemoveMember(member string) Change { return Change{Member: member, Remove: true} }

// Set gives a member a score.
func (b *Board) Set(ctx context.Context, member string, score float64) error {
	_, err := b.change(ctx, "", time.Time{}, []Change{SetScore(member, score)})
	return b.wrap("set", err)
}

// Increment adds to a member's score, and returns what it has become on the board of all times. Where that must not
// happen twice, use [Board.Apply] with an ID, or the job. A sum that is beyond what a float64 holds is [ErrInvalid] and
// changes nothing on that board, here as with Apply.
func (b *Board) Increment(ctx context.Context, member string, by float64) (float64, error) {
	scores, err := b.change(ctx, "", time.Time{}, []Change{AddScore(member, by)})
	if err != nil {
		return 0, b.wrap("increment", err)
	}
	score, err := strconv.ParseFloat(scores[0], 64)
	return score, b.wrap("increment", err)
}

// Remove takes members off the board: that of all times, and those of today and this week. At most [MaxChanges] at
// once.
func (b *Board) Remove(ctx context.Context, members ...string) error {
	changes := make([]Change, len(members))
	for i, member := range members {
		changes[i] = RemoveMember(member)
	}
	_, err := b.change(ctx, "", time.Time{}, changes)
	return b.wrap("remove", err)
}

// Apply makes changes in their order, at most [MaxChanges], on each board in one atomic step. They belong to the day
// and the week of at; the zero time is now. A second call with the same id, if it is not empty, changes nothing within
// [AppliedFor], and an id may be applied again after any error: each board takes the changes once.
func (b *Board) Apply(ctx context.Context, id string, at time.Time, changes ...Change) error {
	_, err := b.change(ctx, id, at, changes)
	return b.wrap("apply", err)
}

// change makes the changes on every board they belong to, and returns the new scores on that of all times, or none if
// they had been made before.
func (b *Board) change(ctx context.Context, id string, at time.Time, changes []Change) ([]string, error) {
	encoded, err := encode(changes)
	if err = errors.Join(b.invalid, err); err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, nil
	}
	targets := b.targets(at, time.Now())
	replies, err := b.send(ctx, targets, id, encoded)
	if err != nil {
		return nil, err
	}
	scores, err := replies[0].StringSlice()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return scores, err
}

// target is a board that a change belongs to, and when it goes.
type target struct {
	*Table
	until time.Time // zero for never
}

// targets lists the boards of a moment, that of all times first. Those that would be gone by now are left out.
func (b *Board) targets(at, now time.Time) []target {
	if at.IsZero() {
		at = now
	}
	at = at.UTC()
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	monday := midnight.AddDate(0, 0, -(int(at.Weekday())+6)%7)
	targets := []target{{Table: b.Table}}
	if until := midnight.AddDate(0, 0, 1).Add(b.config.Daily); b.config.Daily > 0 && until.After(now) {
		targets = append(targets, target{b.Day(at), until})
	}
	if until := monday.AddDate(0, 0, 7).Add(b.config.Weekly); b.config.Weekly > 0 && until.After(now) {
		targets = append(targets, target{b.Week(at), until})
	}
	return targets
}

// send makes the changes on each target, in one round trip. A node that does not know the script has done nothing, and
// is asked again, alone: others must not count twice.
func (b *Board) send(ctx context.Context, targets []target, id string, changes []any) ([]*redis.Cmd, error) {
	replies := make([]*redis.Cmd, len(targets))
	_, _ = b.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error { // each reply has its own error
		for i, target := range targets {
			keys, args := target.apply(id, changes)
			replies[i] = applyScript.EvalSha(ctx, pipe, keys, args...)
		}
		return nil
	})
	var failed error
	for i, target := range targets {
		if redis.HasErrorPrefix(replies[i].Err(), "NOSCRIPT") {
			keys, args := target.apply(id, changes)
			replies[i] = applyScript.Eval(ctx, b.rdb, keys, args...)
		}
		if err := refused(replies[i].Err()); err != nil && !errors.Is(err, redis.Nil) {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", target.key, err))
		}
	}
	return replies, failed
}

// refused makes the script's own refusal an [ErrInvalid].
func refused(err error) error {
	if text := "INVALID "; redis.HasErrorPrefix(err, text) {
		return fmt.Errorf("%w: %s", ErrInvalid, strings.TrimPrefix(err.Error(), text))
	}
	return err
}

// apply is the script's keys and arguments.
//
// Why: docs/decisions/features.md#a-change-goes-through-one-script-plain-boards-included
func (t target) apply(id string, changes []any) ([]string, []any) {
	remember, until := time.Duration(0), int64(0)
	if id != "" {
		remember = AppliedFor
	}
	if !t.until.IsZero() {
		until = t.until.UnixMilli()
	}
	args := append([]any{t.earlier(), remember.Milliseconds(), until}, changes...)
	return append(t.keys(), t.companion("applied:"+id)), args
}

// encode checks the changes and writes them as the script takes them.
func encode(changes []Change) ([]any, error) {
	if len(changes) > MaxChanges {
		return nil, fmt.Errorf("%w: %d changes, at most %d", ErrInvalid, len(changes), MaxChanges)
	}
	encoded := make([]any, 0, 3*len(changes))
	for i, change := range changes {
		what, number, err := change.split()
		if err = errors.Join(err, checkMember(change.Member)); err != nil {
			return nil, fmt.Errorf("change %d: %w", i, err)
		}
		encoded = append(encoded, what, change.Member, strconv.FormatFloat(number, 'g', -1, 64))
	}
	return encoded, nil
}

func (c Change) split() (what string, number float64, err error) {
	set := 0
	if c.Score != nil {
		what, number, set = "set", *c.Score, set+1
	}
	if c.By != nil {
		what, number, set = "add", *c.By, set+1
	}
	if c.Remove {
		what, set = "remove", set+1
	}
	switch {
	case set != 1:
		err = fmt.Errorf("%w: %d of score, by and remove, need one", ErrInvalid, set)
	case math.IsNaN(number) || math.IsInf(number, 0):
		err = fmt.Errorf("%w: %g is no score", ErrInvalid, number)
	}
	return what, number, err
}
