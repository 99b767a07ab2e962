// Package leaderboardpage is the dashboard's page of leaderboards: it lists them, and shows the best of one and where a
// member stands.
package leaderboardpage

import (
	"context"
	_ "embed"
	"errors"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/jobs/leaderboard"
)

const (
	topShown    = 20
	aroundShown = 5
)

//go:embed page.html
var html string

// New returns the page of the leaderboards in Redis.
func New(rdb redis.UniversalClient) dashboard.Page {
	return dashboard.Page{
		Path: "/leaderboards", Title: "Leaderboards", Key: "b",
		Template: html, Funcs: template.FuncMap{"score": score},
		Query: []string{"board", "member", "q", "cursor"},
		Load:  page{rdb}.load,
	}
}

type page struct{ rdb redis.UniversalClient }

// list is a page of the boards, or one board.
type list struct {
	Filter string                `json:"filter,omitempty"`
	Boards []leaderboard.Summary `json:"boards"`
	Keys   dashboard.KeyPage     `json:"keys"`
	One    *board                `json:"one,omitempty"`
}

// FreshFor is how long a list is shown: looking for keys is much work for Redis.
func (l list) FreshFor() time.Duration { return l.Keys.FreshFor() }

// board is a board's best, and where a member stands that was asked for.
type board struct {
	leaderboard.Summary
	Top      []leaderboard.Entry   `json:"top"`
	Member   string                `json:"member,omitempty"`
	Standing *leaderboard.Standing `json:"standing,omitempty"` // nil if the member is not on the board
	Around   []leaderboard.Entry   `json:"around,omitempty"`
}

func (p page) load(ctx context.Context, r *dashboard.Request) (any, error) {
	if name := r.Get("board"); name != "" {
		one, err := p.board(ctx, name, strings.TrimSpace(r.Get("member")))
		return list{One: one}, withStatus(err)
	}
	l := list{Filter: strings.TrimSpace(r.Get("q"))}
	var err error
	l.Keys, err = dashboard.FindKeys(ctx, p.rdb, "zset", leaderboard.KeyPrefix, l.Filter, r.Get("cursor"))
	if err != nil {
		return nil, err
	}
	l.Boards, err = leaderboard.New(p.rdb, nil).Look(ctx, l.Keys.Names...)
	return l, withStatus(err)
}

func (p page) board(ctx context.Context, name, member string) (*board, error) {
	seen, err := leaderboard.New(p.rdb, nil).Look(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(seen) == 0 {
		return nil, dashboard.NotFound("there is no board %q", name)
	}
	one := &board{Summary: seen[0], Member: member}
	found := leaderboard.New(p.rdb, map[string]leaderboard.Config{name: {Ties: one.Ties}}).Board(name)
	if one.Top, err = found.Top(ctx, topShown); err != nil || member == "" {
		return one, err
	}
	standing, err := found.Standing(ctx, member)
	if err != nil {
		return one, unlessAbsent(err)
	}
	one.Standing = &standing
	one.Around, err = found.Around(ctx, member, aroundShown)
	return one, unlessAbsent(err)
}

// unlessAbsent is the error, unless it says that a member is not on the board.
func unlessAbsent(err error) error {
	if errors.Is(err, leaderboard.ErrNotFound) {
		return nil
	}
	return err
}

// withStatus marks the errors that are the caller's.
func withStatus(err error) error {
	switch {
	case errors.Is(err, leaderboard.ErrInvalid):
		return dashboard.BadRequest("%w", err)
	case errors.Is(err, leaderboard.ErrNotFound):
		return dashboard.NotFound("%w", err)
	}
	return err
}

// score writes a score without an exponent if it has few digits.
func score(value float64) string {
	if value < 1e15 && value > -1e15 {
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}
