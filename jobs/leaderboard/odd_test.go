package leaderboard_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
)

// A sum that no float64 holds would be kept as inf, from which nothing leads back.
func TestScoresStayFinite(t *testing.T) {
	t.Parallel()
	for _, ties := range []leaderboard.Ties{leaderboard.ByName, leaderboard.EarlierWins} {
		rdb, ctx := redistest.Shared(t).Client(t), t.Context()
		board, key := newBoard(t, rdb, leaderboard.Config{Ties: ties, Daily: time.Hour})
		set(t, board, "ann 1", "bob 2")
		for name, changes := range map[string][]leaderboard.Change{
			"one":      {leaderboard.AddScore("ann", math.MaxFloat64), leaderboard.AddScore("ann", math.MaxFloat64)},
			"downward": {leaderboard.SetScore("ann", -math.MaxFloat64), leaderboard.AddScore("ann", -math.MaxFloat64)},
			"another": {leaderboard.RemoveMember("bob"), leaderboard.AddScore("cyd", math.MaxFloat64),
				leaderboard.AddScore("cyd", math.MaxFloat64)},
		} {
			err := board.Apply(ctx, "id-"+name, time.Time{}, changes...)
			if !errors.Is(err, leaderboard.ErrInvalid) || !strings.Contains(err.Error(), "inf") {
				t.Errorf("%s: got %v, want ErrInvalid", name, err)
			}
		}
		expect(t, "nothing was changed", rows(board.Top(ctx, 5)), "1 bob 2, 2 ann 1")
		must(t, board.Apply(ctx, "sum", time.Time{}, leaderboard.AddScore("ann", math.MaxFloat64),
			leaderboard.RemoveMember("ann"), leaderboard.AddScore("ann", math.MaxFloat64), leaderboard.SetScore("ann", 3)))
		expect(t, "in their order", rows(board.Top(ctx, 5)), "1 ann 3, 2 bob 2")

		must(t, rdb.ZAdd(ctx, key, redis.Z{Score: math.Inf(1), Member: "bob"}).Err()) // as other programs may
		if _, err := board.Increment(ctx, "bob", math.Inf(-1)); !errors.Is(err, leaderboard.ErrInvalid) {
			t.Errorf("inf less inf: %v", err)
		}
		if _, err := board.Increment(ctx, "bob", -1); !errors.Is(err, leaderboard.ErrInvalid) {
			t.Errorf("inf less one: %v", err)
		}
		set(t, board, "bob 4")
		expect(t, "set anew", rows(board.Top(ctx, 5)), "1 bob 4, 2 ann 3")
	}
}

// Where a companion is damaged nothing is changed, so that a change that is tried again is made once.
func TestDamagedCompanionsFailBeforeTheChange(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	for _, damage := range []func(key string) error{
		func(key string) error { return rdb.Set(ctx, "{"+key+"}:order", "x", 0).Err() },
		func(key string) error { return rdb.Set(ctx, "{"+key+"}:numbers", "x", 0).Err() },
		func(key string) error { return rdb.HSet(ctx, "{"+key+"}:numbers", "", "many").Err() },
		func(key string) error { return rdb.HSet(ctx, "{"+key+"}:numbers", "", "1.5").Err() },
	} {
		board, key := newBoard(t, rdb, leaderboard.Config{Ties: leaderboard.EarlierWins})
		must(t, damage(key))
		for range 2 {
			if err := board.Apply(ctx, "id", time.Time{}, leaderboard.AddScore("ann", 1)); err == nil {
				t.Error("no error")
			}
		}
		if n, err := rdb.Exists(ctx, key).Result(); err != nil || n != 0 {
			t.Errorf("the board was changed (%v)", err)
		}
		must(t, rdb.Del(ctx, "{"+key+"}:order", "{"+key+"}:numbers").Err())
		must(t, board.Apply(ctx, "id", time.Time{}, leaderboard.AddScore("ann", 1)))
		expect(t, "mended", rows(board.Top(ctx, 5)), "1 ann 1")
	}
}
