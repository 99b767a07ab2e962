package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Entry is a member on a page.
type Entry struct {
	Member string  `json:"member"`
	Score  float64 `json:"score"`
	Place  int64   `json:"place"` // from 1, the best; equal scores have the same where ties are [Shared]
}

// Standing is where a member stands.
type Standing struct {
	Entry
	Rank       int64   `json:"rank"`       // from 0, the lowest
	RevRank    int64   `json:"rev_rank"`   // from 0, the highest
	Percentile float64 `json:"percentile"` // share of the members below it, those of equal score (it included) half; 0 to 100
	Members    int64   `json:"members"`    // on the board
}

// Count is how many members are on the board.
func (t *Table) Count(ctx context.Context) (int64, error) {
	if t.invalid != nil {
		return 0, t.wrap("count", t.invalid)
	}
	n, err := t.rdb.ZCard(ctx, t.key).Result()
	return n, t.wrap("count", err)
}

// Standing returns where a member stands. One that is not on the board is [ErrNotFound].
func (t *Table) Standing(ctx context.Context, member string) (Standing, error) {
	if err := errors.Join(t.invalid, checkMember(member)); err != nil {
		return Standing{}, t.wrap("standing", err)
	}
	reply, err := standingScript.Run(ctx, t.rdb, t.keys(), member, t.earlier()).Slice()
	if err != nil {
		return Standing{}, t.wrap("standing of "+member, found(err))
	}
	r, err := numbers(reply, 6)
	if err != nil {
		return Standing{}, t.wrap("standing of "+member, err)
	}
	rank, revRank, higher, same, total := r[1], r[2], r[3], r[4], r[5]
	s := Standing{Rank: int64(rank), RevRank: int64(revRank), Members: int64(total)}
	s.Entry = Entry{Member: member, Score: r[0], Place: s.RevRank + 1}
	if t.ties == Shared {
		s.Place = int64(higher) + 1
	}
	s.Percentile = 100 * (total - higher - same/2) / total
	return s, nil
}

// Rank is how many members are below this one, from 0, the lowest, as ZRANK counts.
func (t *Table) Rank(ctx context.Context, member string) (int64, error) {
	s, err := t.Standing(ctx, member)
	return s.Rank, err
}

// RevRank is how many members are above this one, from 0, the highest, as ZREVRANK counts.
func (t *Table) RevRank(ctx context.Context, member string) (int64, error) {
	s, err := t.Standing(ctx, member)
	return s.RevRank, err
}

// Percentile is the share of the members below this one, those of equal score (it included) half, from 0 to 100: the
// percentile rank. A member alone is at 50.
func (t *Table) Percentile(ctx context.Context, member string) (float64, error) {
	s, err := t.Standing(ctx, member)
	return s.Percentile, err
}

// Top returns the n best, the best first.
func (t *Table) Top(ctx context.Context, n int) ([]Entry, error) { return t.Page(ctx, 0, n) }

// Page passes over the first members from the top, and returns the next n: 1 to [MaxRows].
func (t *Table) Page(ctx context.Context, first int64, n int) ([]Entry, error) {
	err := t.invalid
	if err == nil && (first < 0 || first > 1<<48 || n < 1 || n > MaxRows) {
		err = fmt.Errorf("%w: %d members from %d on, need 1 to %d", ErrInvalid, n, first, MaxRows)
	}
	if err != nil {
		return nil, t.wrap("page", err)
	}
	return t.page(ctx, "", first, n)
}

// Around returns a member and its neighbours: up to n above it and up to n below, the best first. One that is not on
// the board is [ErrNotFound].
func (t *Table) Around(ctx context.Context, member string, n int) ([]Entry, error) {
	err := errors.Join(t.invalid, checkMember(member))
	if err == nil && (n < 0 || 2*n+1 > MaxRows) {
		err = fmt.Errorf("%w: %d neighbours on each side, need 0 to %d", ErrInvalid, n, (MaxRows-1)/2)
	}
	if err != nil {
		return nil, t.wrap("around", err)
	}
	return t.page(ctx, member, int64(n), 0)
}

func (t *Table) page(ctx context.Context, member string, first int64, n int) ([]Entry, error) {
	reply, err := pageScript.Run(ctx, t.rdb, t.keys(), member, first, n, t.earlier()).Slice()
	if err != nil {
		return nil, t.wrap("page", found(err))
	}
	head, err := numbers(reply, 2)
	if err != nil {
		return nil, t.wrap("page", err)
	}
	position, higher, rows := int64(head[0]), int64(head[1]), reply[2:]
	entries := make([]Entry, 0, len(rows)/2)
	for i := 0; i+1 < len(rows); i += 2 {
		score, err := numbers(rows[i+1:], 1)
		if err != nil {
			return nil, t.wrap("page", err)
		}
		name, _ := rows[i].(string)
		entry := Entry{Member: name, Score: score[0], Place: position + 1}
		switch {
		case t.ties != Shared:
		case i == 0:
			entry.Place = higher + 1
		case entry.Score == entries[len(entries)-1].Score:
			entry.Place = entries[len(entries)-1].Place
		}
		entries = append(entries, entry)
		position++
	}
	return entries, nil
}

// found turns the absence of a reply into that of the member.
func found(err error) error {
	if errors.Is(err, redis.Nil) {
		return ErrNotFound
	}
	return err
}

// numbers reads the first n elements of a reply: integers, or scores as strings.
func numbers(reply []any, n int) ([]float64, error) {
	if len(reply) < n {
		return nil, fmt.Errorf("%d elements in the reply, want %d", len(reply), n)
	}
	read := make([]float64, n)
	for i := range read {
		var err error
		switch element := reply[i].(type) {
		case int64:
			read[i] = float64(element)
		case string:
			read[i], err = strconv.ParseFloat(element, 64)
		default:
			err = fmt.Errorf("element %d of the reply is a %T", i, element)
		}
		if err != nil {
			return nil, err
		}
	}
	return read, nil
}

// wrap says what was being done to which board. It leaves nil as it is.
func (t *Table) wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("leaderboard: %s: %s: %w", t.key, doing, err)
}
