package leaderboard_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/queue"
)

func TestAnIDIsAppliedOnce(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, key := newBoard(t, rdb, leaderboard.Config{Daily: time.Hour})
	at := time.Now()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			err := board.Apply(ctx, fmt.Sprint("id", i%4), at, leaderboard.AddScore("ann", 1), leaderboard.AddScore("bob", 2))
			if err != nil {
				t.Errorf("Apply: %v", err)
			}
		})
	}
	wg.Wait()
	expect(t, "of all times", rows(board.Top(ctx, 5)), "1 bob 8, 2 ann 4")
	expect(t, "today", rows(board.Day(at).Top(ctx, 5)), "1 bob 8, 2 ann 4")
	mark := "{" + key + "}:applied:id0"
	if ttl := rdb.PTTL(ctx, mark).Val(); ttl < time.Hour || ttl > leaderboard.AppliedFor {
		t.Errorf("%s lives for %s, want up to %s", mark, ttl, leaderboard.AppliedFor)
	}
	if n, err := board.Increment(ctx, "ann", 1); err != nil || n != 5 {
		t.Errorf("without an ID: %g (%v)", n, err)
	}
}

// TestWhatFailedOnOneBoardIsNotRepeatedOnAnother breaks the day's board, as a worker's death between two of them would.
func TestWhatFailedOnOneBoardIsNotRepeatedOnAnother(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, key := newBoard(t, rdb, leaderboard.Config{Daily: time.Hour})
	at := time.Now().UTC()
	day := key + ":" + at.Format(time.DateOnly)
	must(t, rdb.Set(ctx, day, "not a board", 0).Err())
	err := board.Apply(ctx, "id", at, leaderboard.AddScore("ann", 1))
	if err == nil || !strings.Contains(err.Error(), day+": WRONGTYPE") {
		t.Errorf("got %v, want that of %s", err, day)
	}
	must(t, rdb.Del(ctx, day).Err())
	for range 2 {
		must(t, board.Apply(ctx, "id", at, leaderboard.AddScore("ann", 1)))
	}
	expect(t, "of all times", rows(board.Top(ctx, 5)), "1 ann 1")
	expect(t, "today", rows(board.Day(at).Top(ctx, 5)), "1 ann 1")
}

func TestForgottenScriptsAreLoadedAgain(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.New(t).Client(t), t.Context()
	board, _ := newBoard(t, rdb, leaderboard.Config{Daily: time.Hour, Weekly: time.Hour})
	for i := range 3 {
		must(t, rdb.ScriptFlush(ctx).Err())
		if score, err := board.Increment(ctx, "ann", 1); err != nil || score != float64(i+1) {
			t.Errorf("Increment: %g (%v), want %d", score, err, i+1)
		}
	}
	expect(t, "this week", rows(board.Week(time.Now()).Top(ctx, 5)), "1 ann 3")
}

// TestTheOrderStaysInStep changes a board from many sides at once, and compares the order with the board.
func TestTheOrderStaysInStep(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, key := newBoard(t, rdb, leaderboard.Config{Ties: leaderboard.EarlierWins})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				member := fmt.Sprint("m", rand.IntN(20))
				var err error
				switch rand.IntN(4) {
				case 0:
					err = board.Set(ctx, member, float64(rand.IntN(5)))
				case 1:
					err = board.Remove(ctx, member)
				default:
					_, err = board.Increment(ctx, member, float64(rand.IntN(3)-1))
				}
				if err != nil {
					t.Errorf("change: %v", err)
				}
			}
		})
	}
	wg.Wait()
	top, err := board.Top(ctx, 100)
	must(t, err)
	scores := rdb.ZRangeWithScores(ctx, key, 0, -1).Val()
	numbers := rdb.HLen(ctx, "{"+key+"}:numbers").Val() - 1 // and how many were given
	if len(top) != len(scores) || int(numbers) != len(scores) || len(scores) == 0 {
		t.Errorf("%d on the board, %d in its order, %d numbers", len(scores), len(top), numbers)
	}
	for i, entry := range top {
		standing, err := board.Standing(ctx, entry.Member)
		if err != nil || standing.Score != entry.Score || standing.RevRank != int64(i) {
			t.Errorf("position %d of the order: %+v, on the board %+v (%v)", i, entry, standing, err)
		}
	}
}

func startFleet(
	t *testing.T, rdb redis.UniversalClient, configs map[string]leaderboard.Config,
) (*jobtest.Fleet, *leaderboard.Boards) {
	t.Helper()
	boards, mux := leaderboard.New(rdb, configs), queue.NewMux()
	boards.Register(mux)
	return jobtest.Start(t, rdb, mux, nil), boards
}

func TestJobs(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.New(t).Client(t), t.Context()
	fleet, boards := startFleet(t, rdb, map[string]leaderboard.Config{"game": {Daily: 100 * 366 * 24 * time.Hour}})
	board := boards.Board("game")
	ends := func(args queue.Args, want queue.EventType) {
		t.Helper()
		if ended := fleet.Run(t, args); ended.Type != want {
			t.Errorf("%+v ended as %s: %v, want %s", args, ended.Type, ended.Err, want)
		}
	}
	at := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	changes := []leaderboard.Change{
		leaderboard.SetScore("ann", 10), leaderboard.AddScore("ann", 5), leaderboard.AddScore("bob", 7),
		leaderboard.SetScore("cid", 1), leaderboard.RemoveMember("cid"),
	}
	ends(leaderboard.Apply{Board: "game", Changes: changes, At: at}, queue.EventDone)
	expect(t, "of all times", rows(board.Top(ctx, 5)), "1 ann 15, 2 bob 7")
	expect(t, "of its day", rows(board.Day(at).Top(ctx, 5)), "1 ann 15, 2 bob 7")
	ends(leaderboard.Apply{Board: "game", Changes: []leaderboard.Change{{Member: "ann"}}}, queue.EventDead)
	ends(leaderboard.Apply{Changes: changes}, queue.EventDead)
	ends(leaderboard.Reset{Board: "game", Season: 2}, queue.EventDone)
	expect(t, "the season", rows(board.Season(2).Top(ctx, 5)), "1 ann 15, 2 bob 7")
	ends(leaderboard.Reset{Board: "game", Season: 1}, queue.EventDead)
	ends(leaderboard.Reset{Board: "game"}, queue.EventDead)

	job, err := fleet.Client.Enqueue(ctx, queue.JSON("leaderboard.apply", []byte(
		`{"board":"game","changes":[{"member":"ann","by":2.5},{"member":"bob","score":-1},{"member":"cid","remove":true}]}`)))
	must(t, err)
	fleet.Await(t, func(e queue.Event) bool { return e.Job == job.ID && e.Type == queue.EventDone })
	expect(t, "from other programs", rows(board.Top(ctx, 5)), "1 ann 2.5, 2 bob -1")
}

// TestARedeliveredJobAddsOnce runs jobs whose first worker died between the change and the acknowledgement: the mark of
// their ID is there, and so is the job.
func TestARedeliveredJobAddsOnce(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.New(t).Client(t), t.Context()
	fleet, boards := startFleet(t, rdb, nil)
	board := boards.Board("game")
	changes := []leaderboard.Change{leaderboard.AddScore("ann", 1)}
	for i := range 5 {
		id := fmt.Sprint("job-", i)
		must(t, board.Apply(ctx, queue.DefaultQueue+":"+id, time.Time{}, changes...))
		fleet.Run(t, leaderboard.Apply{Board: "game", Changes: changes}, queue.ID(id))
	}
	expect(t, "once each", rows(board.Top(ctx, 5)), "1 ann 5")
}
