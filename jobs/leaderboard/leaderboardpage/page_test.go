package leaderboardpage_test

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/internal/pagetest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/jobs/leaderboard/leaderboardpage"
)

func TestLeaderboardsPage(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	server := pagetest.Open(t, rdb, leaderboardpage.New(rdb))
	pagetest.Open(t, rdb, leaderboardpage.New(rdb)).Shows(t, "/leaderboards", "No leaderboard yet.")
	for i := range 30 {
		pagetest.Must(t, rdb.ZAdd(t.Context(), "leaderboard:weekly "+pagetest.Evil,
			redis.Z{Score: float64(i), Member: fmt.Sprintf("m-%02d <script>", i)}).Err())
	}
	early := leaderboard.New(rdb, map[string]leaderboard.Config{"early": {Ties: leaderboard.EarlierWins}}).Board("early")
	pagetest.Must(t, early.Set(t.Context(), "ann", 5))
	pagetest.Must(t, early.Set(t.Context(), "zoe", 5))
	name := url.QueryEscape("weekly " + pagetest.Evil)
	for _, path := range []string{"/leaderboards", "/leaderboards?board=" + name, "/leaderboards?board=" + name +
		"&member=m-15+%3Cscript%3E"} {
		server.Shows(t, path, "weekly &lt;script&gt;")
	}
	var list struct {
		One struct {
			Top, Around []leaderboard.Entry
			Standing    *leaderboard.Standing
		}
	}
	server.JSON(t, "/leaderboards?board="+name+"&member=m-15+%3Cscript%3E", &list)
	if one := list.One; len(one.Top) != 20 || len(one.Around) != 11 || one.Standing.Place != 15 ||
		one.Standing.Percentile != 100*15.5/30 {
		t.Errorf("got %+v", one)
	}
	server.JSON(t, "/leaderboards?board=early", &list)
	if top := list.One.Top; len(top) != 2 || top[0].Member != "ann" {
		t.Errorf("who came earlier does not come first: %+v", top)
	}
	server.Shows(t, "/leaderboards?board=early&member=bob", "bob is not on the board")
	server.Shows(t, "/leaderboards?q=ear", "early")
	for path, status := range map[string]int{"/leaderboards?board=nope": 404, "/leaderboards?board=a%7Bb": 404,
		"/leaderboards?cursor=x": 400} {
		if got := server.Status(t, path); got != status {
			t.Errorf("%s: %d, want %d", path, got, status)
		}
	}
	pagetest.Must(t, rdb.ZAdd(t.Context(), "leaderboard:odd", redis.Z{Score: math.Inf(1), Member: "m"}).Err())
	server.Shows(t, "/leaderboards?board=odd", "Inf")
	if got := server.Problem(t, "/leaderboards?board=odd"); got.Status != http.StatusInternalServerError ||
		!strings.Contains(got.Detail, "JSON") {
		t.Errorf("a score without end as JSON: %+v", got)
	}
}
