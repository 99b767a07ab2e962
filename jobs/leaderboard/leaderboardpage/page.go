package dashboard

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/queue"
)

const (
	boardTop    = 20
	boardAround = 5
)

// boardList is a page of the boards, or one board.
type boardList struct {
	Filter string                `json:"filter,omitempty"`
	Boards []leaderboard.Summary `json:"boards"`
	Keys   keyPage               `json:"keys"`
	One    *oneBoard             `json:"one,omitempty"`
}

func (l boardList) freshFor() time.Duration { return l.Keys.freshFor() }

// oneBoard is a board's best, and where a member stands that was asked for.
type oneBoard struct {
	leaderboard.Summary
	Top      []leaderboard.Entry   `json:"top"`
	Member   string                `json:"member,omitempty"`
	Standing *leaderboard.Standing `json:"standing,omitempty"` // nil where the member is not on the board
	Around   []leaderboard.Entry   `json:"around,omitempty"`
}

var leaderboardsPage = page{section: "leaderboards", title: "Leaderboards", template: "leaderboards", load: loadLeaderboards}

func loadLeaderboards(ctx context.Context, d *Dashboard, r *request) (any, error) {
	if name := r.Get("board"); name != "" {
		one, err := d.board(ctx, name, strings.TrimSpace(r.Get("member")))
		return boardList{One: one}, err
	}
	l := boardList{Filter: strings.TrimSpace(r.Get("q"))}
	var err error
	if l.Keys, err = d.findKeys(ctx, "zset", leaderboard.KeyPrefix, l.Filter, r.Get("cursor")); err != nil {
		return nil, err
	}
	l.Boards, err = leaderboard.New(d.cfg.Redis, nil).Look(ctx, l.Keys.names...)
	return l, err
}

func (d *Dashboard) board(ctx context.Context, name, member string) (*oneBoard, error) {
	seen, err := leaderboard.New(d.cfg.Redis, nil).Look(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("there is no board %q: %w", name, queue.ErrNotFound)
	}
	one := &oneBoard{Summary: seen[0], Member: member}
	board := leaderboard.New(d.cfg.Redis, map[string]leaderboard.Config{name: {Ties: one.Ties}}).Board(name)
	if one.Top, err = board.Top(ctx, boardTop); err != nil || member == "" {
		return one, err
	}
	standing, err := board.Standing(ctx, member)
	if err != nil {
		return one, unlessAbsent(err)
	}
	one.Standing = &standing
	one.Around, err = board.Around(ctx, member, boardAround)
	return one, unlessAbsent(err)
}

// score writes a score without an exponent where it has few digits.
func score(value float64) string {
	if value < 1e15 && value > -1e15 {
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}

// unlessAbsent is the error, unless it says that a member is not on the board.
func unlessAbsent(err error) error {
	if errors.Is(err, leaderboard.ErrNotFound) {
		return nil
	}
	return err
}
