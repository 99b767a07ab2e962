package dashboard_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/jobs/analytics"
)

func TestAnalyticsPage(t *testing.T) {
	t.Parallel()
	rdb, server := open(t)
	shows(t, server, "/analytics?first", "Nothing was counted")
	counter := analytics.New(rdb, analytics.Config{})
	day := time.Date(2025, 11, 30, 12, 0, 0, 0, time.UTC)
	for i := range 6 {
		must(t, counter.Count(t.Context(), fmt.Sprint(i), analytics.Track{Event: "view " + evil, UserID: fmt.Sprint(i % 4), At: day}))
	}
	must(t, counter.Count(t.Context(), "x", analytics.Track{Event: "buy", UserID: "1", At: day.AddDate(0, 0, -1)}))
	page := shows(t, server, "/analytics?from=2025-11-01&to=2025-11-30", "view &lt;script&gt;", "85.7 %", "<polyline", "Events a day")
	if strings.Contains(page, "<script>") {
		t.Error("not escaped")
	}
	var counted analytics.Range
	tells(t, server, "/analytics?from=2025-11-29&to=2025-11-30", &counted)
	if counted.TotalEvents != 7 || counted.EstimatedUsers != 4 || len(counted.Days) != 2 || counted.Days[1].UniqueUsers != 4 || counted.Events["buy"] != 1 {
		t.Errorf("got %+v", counted)
	}
	for _, query := range []string{"from=x", "to=2025-13-01", "from=2025-11-30&to=2025-11-29", "from=2024-01-01&to=2025-11-29"} {
		if got := do(t, browser(t), http.MethodGet, server.URL+"/analytics?"+query, nil); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got.StatusCode)
		}
	}
}
