package leaderboard_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
)

// newBoard returns a board that no other test has.
func newBoard(
	t *testing.T, rdb redis.UniversalClient, config leaderboard.Config,
) (board *leaderboard.Board, key string) {
	t.Helper()
	name := redistest.Namespace()
	board = leaderboard.New(rdb, map[string]leaderboard.Config{name: config}).Board(name)
	return board, "leaderboard:" + name
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// set gives members their scores, one call each, in this order: "ann 5", "bob 3".
func set(t *testing.T, board *leaderboard.Board, scores ...string) {
	t.Helper()
	for _, text := range scores {
		var member string
		var score float64
		if _, err := fmt.Sscan(text, &member, &score); err != nil {
			t.Fatal(err)
		}
		must(t, board.Set(t.Context(), member, score))
	}
}

// rows writes a page as text: place, member and score of each.
func rows(entries []leaderboard.Entry, err error) string {
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%d %s %g, ", e.Place, e.Member, e.Score)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestTies(t *testing.T) {
	t.Parallel()
	scores := []string{"dan 5", "ann 7", "cid 7", "bob 7", "eve 1"}
	for ties, want := range map[leaderboard.Ties]struct{ top, page, around string }{
		leaderboard.ByName: {"1 cid 7, 2 bob 7, 3 ann 7, 4 dan 5, 5 eve 1", "2 bob 7, 3 ann 7, 4 dan 5",
			"3 ann 7, 4 dan 5, 5 eve 1"},
		leaderboard.EarlierWins: {"1 ann 7, 2 cid 7, 3 bob 7, 4 dan 5, 5 eve 1", "2 cid 7, 3 bob 7, 4 dan 5",
			"3 bob 7, 4 dan 5, 5 eve 1"},
		leaderboard.Shared: {"1 cid 7, 1 bob 7, 1 ann 7, 4 dan 5, 5 eve 1", "1 bob 7, 1 ann 7, 4 dan 5",
			"1 ann 7, 4 dan 5, 5 eve 1"},
	} {
		t.Run(fmt.Sprint(ties), func(t *testing.T) {
			t.Parallel()
			rdb, ctx := redistest.Shared(t).Client(t), t.Context()
			board, key := newBoard(t, rdb, leaderboard.Config{Ties: ties})
			set(t, board, scores...)
			expect(t, "top", rows(board.Top(ctx, 10)), want.top)
			expect(t, "page", rows(board.Page(ctx, 1, 3)), want.page)
			expect(t, "around", rows(board.Around(ctx, "dan", 1)), want.around)
			expect(t, "beyond the end", rows(board.Page(ctx, 9, 3)), "")
			for i, entry := range strings.Split(want.top, ", ") {
				standing, err := board.Standing(ctx, strings.Fields(entry)[1])
				must(t, err)
				expect(t, "standing", rows([]leaderboard.Entry{standing.Entry}, nil), entry)
				if standing.RevRank != int64(i) || standing.Rank != int64(4-i) || standing.Members != 5 {
					t.Errorf("got %+v at position %d", standing, i)
				}
			}
			if score := rdb.ZScore(ctx, key, "ann").Val(); score != 7 {
				t.Errorf("other programs read the score %g, want 7", score)
			}
		})
	}
}

func TestPercentileIsTheShareBelowAndHalfTheTies(t *testing.T) {
	t.Parallel()
	board, _ := newBoard(t, redistest.Shared(t).Client(t), leaderboard.Config{})
	set(t, board, "ann 1")
	check := func(member string, want float64) {
		t.Helper()
		if got, err := board.Percentile(t.Context(), member); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("percentile of %s: %g (%v), want %g", member, got, err, want)
		}
	}
	check("ann", 50)
	set(t, board, "bob 2", "cid 2", "dan 9")
	check("ann", 12.5)
	check("bob", 50)
	check("cid", 50)
	check("dan", 87.5)
}

func TestEarlierIsWhoReachedTheScoreFirst(t *testing.T) {
	t.Parallel()
	board, _ := newBoard(t, redistest.Shared(t).Client(t), leaderboard.Config{Ties: leaderboard.EarlierWins})
	ctx := t.Context()
	set(t, board, "ann 5", "bob 5", "cid 5")
	set(t, board, "ann 5") // no change: still the first
	expect(t, "the same score again", rows(board.Top(ctx, 3)), "1 ann 5, 2 bob 5, 3 cid 5")
	set(t, board, "ann 6", "ann 5") // went and came back: now the last
	expect(t, "away and back", rows(board.Top(ctx, 3)), "1 bob 5, 2 cid 5, 3 ann 5")
	if score, err := board.Increment(ctx, "dan", 4.5); err != nil || score != 4.5 {
		t.Errorf("Increment: %g (%v)", score, err)
	}
	if score, err := board.Increment(ctx, "dan", 0.5); err != nil || score != 5 {
		t.Errorf("Increment: %g (%v)", score, err)
	}
	must(t, board.Remove(ctx, "cid", "nobody"))
	expect(t, "after a removal", rows(board.Top(ctx, 5)), "1 bob 5, 2 ann 5, 3 dan 5")
	set(t, board, "cid 5")
	expect(t, "removed and back", rows(board.Top(ctx, 5)), "1 bob 5, 2 ann 5, 3 dan 5, 4 cid 5")
	if n, err := board.Count(ctx); n != 4 || err != nil {
		t.Errorf("Count: %d (%v)", n, err)
	}
}

// TestOddMembersAndScores goes through the strings that an order of "<number>:<member>" could get wrong.
func TestOddMembersAndScores(t *testing.T) {
	t.Parallel()
	board, _ := newBoard(t, redistest.Shared(t).Client(t), leaderboard.Config{Ties: leaderboard.EarlierWins})
	ctx := t.Context()
	members := []string{":", "a:b", "8999999999999999:x", " ", "Ünïcode", "\x00\xff", "{tag}"}
	for i, score := range []float64{0.1, -0.1, 1e300, -1e-300, 1 << 53, math.Copysign(0, -1), 1.0 / 3} {
		must(t, board.Set(ctx, members[i], score))
		standing, err := board.Standing(ctx, members[i])
		if err != nil || standing.Score != score || standing.Member != members[i] {
			t.Errorf("%q: got %+v (%v), want the score %g", members[i], standing, err, score)
		}
	}
	top, err := board.Top(ctx, 10)
	if err != nil || len(top) != len(members) || top[0].Member != "8999999999999999:x" {
		t.Errorf("got %+v (%v)", top, err)
	}
}

func TestOtherProgramsChangesAreAdopted(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, key := newBoard(t, rdb, leaderboard.Config{Ties: leaderboard.EarlierWins})
	set(t, board, "ann 5", "bob 5", "cid 5")
	rdb.ZAdd(ctx, key, redis.Z{Score: 5, Member: "dan"})
	rdb.ZIncrBy(ctx, key, 2, "bob")
	rdb.ZRem(ctx, key, "ann")
	if standing, err := board.Standing(ctx, "dan"); err != nil || standing.RevRank != 2 {
		t.Errorf("before it is adopted: %+v (%v), want the last of its score", standing, err)
	}
	for range 2 {
		must(t, board.Adopt(ctx))
		expect(t, "adopted", rows(board.Top(ctx, 5)), "1 bob 7, 2 cid 5, 3 dan 5")
	}
	// A board of thousands, made by another program.
	for i := range 5 {
		var members []redis.Z
		for j := range 500 {
			members = append(members, redis.Z{Score: 1, Member: fmt.Sprintf("m%d-%d", i, j)})
		}
		rdb.ZAdd(ctx, key, members...)
	}
	must(t, board.Adopt(ctx))
	if n := rdb.ZCard(ctx, "{"+key+"}:order").Val(); n != 2503 {
		t.Errorf("%d members in the order, want 2503", n)
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	config := leaderboard.Config{Ties: leaderboard.EarlierWins, Daily: 48 * time.Hour, Weekly: 24 * time.Hour}
	board, key := newBoard(t, rdb, config)
	now := time.Now().UTC()
	yesterday := now.AddDate(0, 0, -1)
	must(t, board.Apply(ctx, "", now, leaderboard.AddScore("ann", 1), leaderboard.AddScore("bob", 1)))
	must(t, board.Apply(ctx, "", yesterday, leaderboard.AddScore("bob", 5)))
	must(t, board.Apply(ctx, "", now.AddDate(0, 0, -30), leaderboard.AddScore("cid", 9))) // their boards are gone by now
	expect(t, "of all times", rows(board.Top(ctx, 5)), "1 cid 9, 2 bob 6, 3 ann 1")
	expect(t, "today", rows(board.Day(now).Top(ctx, 5)), "1 ann 1, 2 bob 1")
	expect(t, "yesterday", rows(board.Day(yesterday).Top(ctx, 5)), "1 bob 5")
	expect(t, "a month ago", rows(board.Day(now.AddDate(0, 0, -30)).Top(ctx, 5)), "")
	year, week := now.ISOWeek()
	for name, most := range map[string]time.Duration{
		now.Format(time.DateOnly):           72 * time.Hour,
		fmt.Sprintf("%d-W%02d", year, week): 8 * 24 * time.Hour,
	} {
		for _, k := range []string{key + ":" + name, "{" + key + ":" + name + "}:order",
			"{" + key + ":" + name + "}:numbers"} {
			if ttl := rdb.PTTL(ctx, k).Val(); ttl <= 24*time.Hour-time.Minute || ttl > most {
				t.Errorf("%s lives for %s, want at most %s", k, ttl, most)
			}
		}
	}
	if ttl := rdb.TTL(ctx, key).Val(); ttl != -1 {
		t.Errorf("%s lives for %s, want for ever", key, ttl)
	}
}

func TestWeeksAreThoseOfISO(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, key := newBoard(t, rdb, leaderboard.Config{Weekly: 100 * 366 * 24 * time.Hour})
	// Half past midnight of a Monday in Kyiv is still Sunday in UTC; New Year's Day of 2027 is in the last week of 2026.
	for at, week := range map[time.Time]string{
		time.Date(2025, 11, 24, 0, 30, 0, 0, time.FixedZone("Kyiv", 2*60*60)): "2025-W47",
		time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC):                          "2026-W53",
	} {
		must(t, board.Apply(ctx, "", at, leaderboard.AddScore("ann", 1)))
		if score := rdb.ZScore(ctx, key+":"+week, "ann").Val(); score != 1 {
			t.Errorf("%s: %s has the score %g, want 1", at, week, score)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	rdb, ctx := redistest.Shared(t).Client(t), t.Context()
	board, _ := newBoard(t, rdb, leaderboard.Config{})
	five := 5.0
	calls := map[string]func() error{
		"no member":     func() error { return board.Set(ctx, "", 1) },
		"a long member": func() error { return board.Set(ctx, strings.Repeat("m", 600), 1) },
		"not a number":  func() error { return board.Set(ctx, "ann", math.NaN()) },
		"infinite":      func() error { _, err := board.Increment(ctx, "ann", math.Inf(1)); return err },
		"score and by": func() error {
			return board.Apply(ctx, "", time.Time{}, leaderboard.Change{Member: "a", Score: &five, By: &five})
		},
		"no change at all":   func() error { return board.Apply(ctx, "", time.Time{}, leaderboard.Change{Member: "a"}) },
		"too many changes":   func() error { return board.Remove(ctx, make([]string, leaderboard.MaxChanges+1)...) },
		"an empty page":      func() error { _, err := board.Top(ctx, 0); return err },
		"a big page":         func() error { _, err := board.Top(ctx, leaderboard.MaxRows+1); return err },
		"before the first":   func() error { _, err := board.Page(ctx, -1, 5); return err },
		"many neighbours":    func() error { _, err := board.Around(ctx, "ann", leaderboard.MaxRows/2); return err },
		"standing of no one": func() error { _, err := board.Standing(ctx, ""); return err },
		"season 0":           func() error { return board.Close(ctx, 0) },
	}
	for _, name := range []string{"", "a{b}", strings.Repeat("n", 600)} {
		bad := leaderboard.New(rdb, nil).Board(name)
		calls["a board of no good name: set"] = func() error { return bad.Set(ctx, "ann", 1) }
		calls["a board of no good name: count"] = func() error { _, err := bad.Count(ctx); return err }
		calls["a board of no good name: day"] = func() error { _, err := bad.Day(time.Now()).Top(ctx, 1); return err }
		calls["a board of no good name: adopt"] = func() error { return bad.Adopt(ctx) }
		for what, call := range calls {
			if err := call(); !errors.Is(err, leaderboard.ErrInvalid) {
				t.Errorf("%s: got %v, want ErrInvalid", what, err)
			}
		}
	}
	for what, call := range map[string]func() error{
		"rank":       func() error { _, err := board.Rank(ctx, "nobody"); return err },
		"rev rank":   func() error { _, err := board.RevRank(ctx, "nobody"); return err },
		"percentile": func() error { _, err := board.Percentile(ctx, "nobody"); return err },
		"around":     func() error { _, err := board.Around(ctx, "nobody", 3); return err },
	} {
		if err := call(); !errors.Is(err, leaderboard.ErrNotFound) {
			t.Errorf("%s of a stranger: got %v, want ErrNotFound", what, err)
		}
	}
}

// A cluster of one node is as strict about undeclared keys and slots as one of a hundred.
func TestOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	node := server.Client(t)
	must(t, node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	for !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	defer rdb.Close()
	ctx := context.Background()
	for ties := leaderboard.ByName; ties <= leaderboard.Shared; ties++ {
		board, _ := newBoard(t, rdb, leaderboard.Config{Ties: ties, Daily: time.Hour, Weekly: time.Hour})
		set(t, board, "ann 5", "bob 4")
		must(t, board.Apply(ctx, "id", time.Time{}, leaderboard.AddScore("bob", 2)))
		must(t, board.Remove(ctx, "nobody"))
		must(t, board.Adopt(ctx))
		expect(t, "around", rows(board.Around(ctx, "bob", 3)), "1 bob 6, 2 ann 5")
		must(t, board.Close(ctx, 1))
		expect(t, "the season", rows(board.Season(1).Top(ctx, 3)), "1 bob 6, 2 ann 5")
		if rank, err := board.Season(1).Rank(ctx, "bob"); err != nil || rank != 1 {
			t.Errorf("rank: %d (%v), want 1", rank, err)
		}
		if n, err := board.Count(ctx); err != nil || n != 0 {
			t.Errorf("%d members in the new season (%v)", n, err)
		}
		if today, err := board.Day(time.Now()).Top(ctx, 3); err != nil || len(today) != 2 {
			t.Errorf("today: %v (%v)", today, err)
		}
	}
}
