package leaderboard_test

import (
	"slices"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
)

func TestLook(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	plain, key := newBoard(t, rdb, leaderboard.Config{})
	earlier, earlierKey := newBoard(t, rdb, leaderboard.Config{Ties: leaderboard.EarlierWins})
	set(t, plain, "ann 5", "bob 3")
	set(t, earlier, "cid 1")
	name, earlierName := key[len(leaderboard.KeyPrefix):], earlierKey[len(leaderboard.KeyPrefix):]
	rdb.Set(t.Context(), key+":text", "no board", 0)

	got, err := leaderboard.New(rdb, nil).Look(t.Context(), earlierName, name+":text", name, "", "a{b", name+":none")
	want := []leaderboard.Summary{{Name: earlierName, Members: 1, Ties: leaderboard.EarlierWins}, {Name: name, Members: 2}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := leaderboard.New(rdb, nil).Look(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("of no names: %+v, %v", got, err)
	}
	rdb.Close()
	if _, err := leaderboard.New(rdb, nil).Look(t.Context(), name); err == nil {
		t.Error("without Redis there is no error")
	}
}
