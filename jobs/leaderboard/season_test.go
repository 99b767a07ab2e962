package leaderboard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
)

// fill puts n members on the board, the first of them the best.
func fill(t *testing.T, board *leaderboard.Board, n int) {
	t.Helper()
	for n > 0 {
		var changes []leaderboard.Change
		for range min(n, leaderboard.MaxChanges) {
			changes = append(changes, leaderboard.SetScore(fmt.Sprint("m", n), float64(n)))
			n--
		}
		must(t, board.Apply(t.Context(), "", time.Time{}, changes...))
	}
}

func TestASeasonIsArchived(t *testing.T) {
	t.Parallel()
	for ties := leaderboard.ByName; ties <= leaderboard.Shared; ties++ {
		t.Run(fmt.Sprint(ties), func(t *testing.T) {
			t.Parallel()
			rdb, ctx := redistest.New(t).Client(t), t.Context()
			board, key := newBoard(t, rdb, leaderboard.Config{Ties: ties, Seasons: time.Hour})
			fill(t, board, 2500)
			set(t, board, "last 2500")
			want := rows(board.Page(ctx, 0, 1000)) + rows(board.Page(ctx, 1000, 1000)) + rows(board.Page(ctx, 2000, 1000))
			for range 2 { // a job that comes again
				must(t, board.Close(ctx, 7))
				season := board.Season(7)
				got := rows(season.Page(ctx, 0, 1000)) + rows(season.Page(ctx, 1000, 1000)) + rows(season.Page(ctx, 2000, 1000))
				if got != want {
					t.Errorf("the archive is not what the board was: %.200s, want %.200s", got, want)
				}
				expect(t, "a new season", rows(board.Top(ctx, 5)), "")
			}
			for _, k := range rdb.Keys(ctx, "*").Val() {
				if ttl := rdb.PTTL(ctx, k).Val(); k != "{"+key+"}:season" && (ttl <= 0 || ttl > time.Hour) {
					t.Errorf("%s is left and lives for %s", k, ttl)
				}
			}
			set(t, board, "ann 1")
			must(t, board.Close(ctx, 8))
			expect(t, "the next", rows(board.Season(8).Top(ctx, 5)), "1 ann 1")
			if err := board.Close(ctx, 7); !errors.Is(err, leaderboard.ErrInvalid) {
				t.Errorf("an earlier season: got %v, want ErrInvalid", err)
			}
			must(t, board.Close(ctx, 9)) // nobody is on it
			expect(t, "an empty season", rows(board.Season(9).Top(ctx, 5)), "")
		})
	}
}

// TestClosingGoesOnWhereItWas lets the archiving fail after the season has ended.
func TestClosingGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, key := newBoard(t, rdb, leaderboard.Config{Ties: leaderboard.EarlierWins})
	set(t, board, "ann 5", "bob 5")
	aside := "{" + key + "}:season:1"
	disturbed := board.Season(1)
	dying := errors.New("the worker dies")
	rdb.AddHook(hook{command: "rename", before: func() error { return dying }})
	if err := board.Close(ctx, 1); !errors.Is(err, dying) {
		t.Errorf("got %v, want that of the hook", err)
	}
	dying = nil
	set(t, board, "cid 9") // the new season has begun
	if n := rdb.ZCard(ctx, aside).Val(); n != 2 {
		t.Errorf("%d members put aside, want 2", n)
	}
	expect(t, "an archive that is not whole", rows(disturbed.Top(ctx, 5)), "")
	must(t, board.Close(ctx, 1))
	expect(t, "the archive", rows(disturbed.Top(ctx, 5)), "1 ann 5, 2 bob 5")
	expect(t, "the new season", rows(board.Top(ctx, 5)), "1 cid 9")
	if ttl := rdb.TTL(ctx, key+":season:1").Val(); ttl != -1 {
		t.Errorf("the archive lives for %s, want for ever", ttl)
	}
	if n := rdb.Exists(ctx, aside, aside+":order").Val(); n != 0 {
		t.Error("what was put aside is still there")
	}
}

// TestManyClosersArchiveOnce closes a season from many sides, while members score.
func TestManyClosersArchiveOnce(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, _ := newBoard(t, rdb, leaderboard.Config{Ties: leaderboard.EarlierWins})
	fill(t, board, 1500)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for err := board.Close(ctx, 1); err != nil; err = board.Close(ctx, 1) {
				if !strings.Contains(err.Error(), "another worker") {
					t.Errorf("Close: %v", err)
					return
				}
			}
		})
		wg.Go(func() {
			if _, err := board.Increment(ctx, "ann", 1); err != nil {
				t.Errorf("Increment: %v", err)
			}
		})
	}
	wg.Wait()
	archived, err := board.Season(1).Count(ctx)
	must(t, err)
	before, after := 0.0, 0.0
	if standing, err := board.Season(1).Standing(ctx, "ann"); err == nil {
		before, archived = standing.Score, archived-1
	}
	if standing, err := board.Standing(ctx, "ann"); err == nil {
		after = standing.Score
	}
	if archived != 1500 || before+after != 8 {
		t.Errorf("%d archived, want 1500; %g and %g of 8 points before and after", archived, before, after)
	}
}

// TestTheSlowerCloserLeavesTheArchiveWhole lets one worker archive the whole while another is half through.
func TestTheSlowerCloserLeavesTheArchiveWhole(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	name := redistest.Namespace()
	slow, quick := leaderboard.New(rdb, nil).Board(name), leaderboard.New(redistest.Shared(t).Client(t), nil).Board(name)
	fill(t, slow, 2500)
	overtake := sync.OnceFunc(func() { must(t, quick.Close(ctx, 1)) })
	rdb.AddHook(hook{command: "zadd", before: func() error { overtake(); return nil }})
	if err := slow.Close(ctx, 1); err == nil || !strings.Contains(err.Error(), "another worker") {
		t.Errorf("got %v, want an error that names the other worker", err)
	}
	must(t, slow.Close(ctx, 1))
	if n, err := slow.Season(1).Count(ctx); n != 2500 || err != nil {
		t.Errorf("%d members archived (%v), want 2500", n, err)
	}
}

// hook does something before each pipeline or transaction with a command.
type hook struct {
	command string
	before  func() error
}

func (h hook) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == h.command {
				if err := h.before(); err != nil {
					return err
				}
			}
		}
		return next(ctx, cmds)
	}
}
