package analyticspage_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/analytics/analyticspage"
	"github.com/navvy-go/navvy/jobs/internal/pagetest"
)

func TestAnalyticsPage(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	then := func() time.Time { return time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC) }
	server := pagetest.Open(t, rdb, analyticspage.New(rdb, analytics.Config{}))
	pagetest.Open(t, rdb, analyticspage.New(rdb, analytics.Config{})).Shows(t, "/analytics", "Nothing was counted")
	counter := analytics.New(rdb, analytics.Config{Now: then})
	day := time.Date(2025, 11, 30, 12, 0, 0, 0, time.UTC)
	for i := range 6 {
		pagetest.Must(t, counter.Count(t.Context(), fmt.Sprint(i),
			analytics.Track{Event: "view " + pagetest.Evil, UserID: fmt.Sprint(i % 4), At: day}))
	}
	pagetest.Must(t, counter.Count(t.Context(), "x", analytics.Track{Event: "buy", UserID: "1",
		At: day.AddDate(0, 0, -1)}))
	server.Shows(t, "/analytics?from=2025-11-01&to=2025-11-30", "view &lt;script&gt;", "85.7 %", "<polyline",
		"Events a day")
	var counted analytics.Range
	server.JSON(t, "/analytics?from=2025-11-29&to=2025-11-30", &counted)
	if counted.TotalEvents != 7 || counted.EstimatedUsers != 4 || len(counted.Days) != 2 ||
		counted.Days[1].UniqueUsers != 4 || counted.Events["buy"] != 1 {
		t.Errorf("got %+v", counted)
	}
	for _, query := range []string{"from=x", "to=2025-13-01", "from=2025-11-30&to=2025-11-29",
		"from=2024-01-01&to=2025-11-29"} {
		if got := server.Status(t, "/analytics?"+query); got != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got)
		}
	}
}
