package compat_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
)

// row is a member and its score, as Python has them.
type row [2]any

func (r row) String() string { return fmt.Sprintf("%v %v", r[0], r[1]) }

func rowsOf(entries []leaderboard.Entry) (rows []row) {
	for _, e := range entries {
		rows = append(rows, row{e.Member, e.Score})
	}
	return rows
}

func TestBoardIsReadAlikeByBothSides(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	board := leaderboard.New(server.Client(t), nil).Board("compat")
	peer := newPeer(t, server)
	python := peer.object("Leaderboard", "compat")
	for i := range 10 {
		member := fmt.Sprintf("player_%d", i)
		if i%2 == 0 {
			python.call(nil, "set_score", member, 100*(i/2)) // two by two have the same score
		} else {
			must(t, board.Set(ctx, member, float64(100*(i/2))))
		}
	}
	var sum float64
	if python.call(&sum, "increment", "player_9", 0.5); sum != 400.5 {
		t.Errorf("Python incremented Go's score to %v", sum)
	}
	if sum, err := board.Increment(ctx, "player_8", 0.25); err != nil || sum != 400.25 {
		t.Errorf("Go incremented Python's score to %v, %v", sum, err)
	}

	var rows []row
	python.call(&rows, "get_top", 7)
	if top, err := board.Top(ctx, 7); err != nil || fmt.Sprint(rowsOf(top)) != fmt.Sprint(rows) {
		t.Errorf("the top is %v for Python and %v for Go, %v", rows, rowsOf(top), err)
	}
	for i := range 10 {
		member := fmt.Sprintf("player_%d", i)
		var rank, reverse int64
		python.call(&rank, "get_rank", member)
		python.call(&reverse, "get_rank", member, true)
		standing, err := board.Standing(ctx, member)
		if err != nil || standing.Rank != rank || standing.RevRank != reverse {
			t.Errorf("%s has ranks %d and %d for Python, and %+v for Go, %v", member, rank, reverse, standing, err)
		}
		python.call(&rows, "get_around_me", member, 2)
		if around, err := board.Around(ctx, member, 2); err != nil || fmt.Sprint(rowsOf(around)) != fmt.Sprint(rows) {
			t.Errorf("around %s are %v for Python, and %v for Go, %v", member, rows, rowsOf(around), err)
		}
	}
}

// The article divides the places from the top by the number of members: the best has 0, which is upside down.
func TestPercentileIsTheShareBelow(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.Shared(t), t.Context()
	board := leaderboard.New(server.Client(t), nil).Board("percentile")
	peer := newPeer(t, server)
	python := peer.object("Leaderboard", "percentile")
	for i, member := range []string{"worst", "low", "middle", "middle too", "best"} {
		python.call(nil, "set_score", member, []int{1, 2, 3, 3, 5}[i])
	}
	for member, want := range map[string]struct{ python, golang float64 }{
		"worst": {80, 10}, "middle": {40, 60}, "middle too": {20, 60}, "best": {0, 90},
	} {
		var theirs float64
		python.call(&theirs, "get_percentile", member)
		ours, err := board.Percentile(ctx, member)
		if err != nil || theirs != want.python || ours != want.golang {
			t.Errorf("%s is at %v for Python and %v for Go, want %v, %v", member, theirs, ours, want, err)
		}
	}
	var none *float64
	if python.call(&none, "get_percentile", "nobody"); none != nil {
		t.Errorf("nobody is at %v", *none)
	}
}

func TestBoardIsChangedAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := redistest.Shared(t)
	boards := leaderboard.New(server.Client(t), map[string]leaderboard.Config{"earlier": {Ties: leaderboard.EarlierWins}})
	peer := newPeer(t, server)
	for _, name := range []string{"plain", "earlier"} {
		board, python := boards.Board(name), peer.object("Leaderboard", name)
		group, ctx := errgroup.WithContext(t.Context())
		for range 4 {
			group.Go(func() error {
				for range 100 {
					if _, err := board.Increment(ctx, "ada", 1); err != nil {
						return err
					}
				}
				return nil
			})
		}
		group.Go(func() error {
			_, err := python.repeat(400, "increment", "ada", 1)
			return err
		})
		must(t, group.Wait())
		results, err := python.repeat(1, "get_top", 1)
		must(t, err)
		var rows []row
		if err := json.Unmarshal(results[0], &rows); err != nil || fmt.Sprint(rows) != "[ada 800]" {
			t.Errorf("%s: %s, %v", name, results, err)
		}
		must(t, board.Adopt(t.Context())) // where the earlier wins, what Python did is in the order only after this
		if top, err := board.Top(t.Context(), 1); err != nil || fmt.Sprint(rowsOf(top)) != "[ada 800]" {
			t.Errorf("%s: %v, %v", name, top, err)
		}
	}
}
