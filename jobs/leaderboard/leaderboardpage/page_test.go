package dashboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/leaderboard"
)

func TestLeaderboardsPage(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	shows(t, server, "/leaderboards?first", "No leaderboard yet.")
	for i := range 30 {
		must(t, rdb.ZAdd(t.Context(), "leaderboard:weekly "+evil, redis.Z{Score: float64(i), Member: fmt.Sprintf("m-%02d <script>", i)}).Err())
	}
	early := leaderboard.New(rdb, map[string]leaderboard.Config{"early": {Ties: leaderboard.EarlierWins}}).Board("early")
	must(t, early.Set(t.Context(), "ann", 5))
	must(t, early.Set(t.Context(), "zoe", 5))
	name := url.QueryEscape("weekly " + evil)
	for _, path := range []string{"/leaderboards", "/leaderboards?board=" + name, "/leaderboards?board=" + name + "&member=m-15+%3Cscript%3E"} {
		if page := shows(t, server, path, "weekly &lt;script&gt;"); strings.Contains(page, "<script>") {
			t.Errorf("%s: not escaped", path)
		}
	}
	var list struct {
		One struct {
			Top, Around []leaderboard.Entry
			Standing    *leaderboard.Standing
		}
	}
	tells(t, server, "/leaderboards?board="+name+"&member=m-15+%3Cscript%3E", &list)
	if one := list.One; len(one.Top) != 20 || len(one.Around) != 11 || one.Standing.Place != 15 || one.Standing.Percentile != 100*15.5/30 {
		t.Errorf("got %+v", one)
	}
	tells(t, server, "/leaderboards?board=early", &list)
	if top := list.One.Top; len(top) != 2 || top[0].Member != "ann" {
		t.Errorf("who came earlier does not come first: %+v", top)
	}
	shows(t, server, "/leaderboards?board=early&member=bob", "bob is not on the board")
	shows(t, server, "/leaderboards?q=ear", "early")
	for path, status := range map[string]int{"/leaderboards?board=nope": 404, "/leaderboards?board=a%7Bb": 404, "/leaderboards?cursor=x": 400} {
		if got := do(t, browser(t), http.MethodGet, server.URL+path, nil); got.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, got.StatusCode, status)
		}
	}
}
