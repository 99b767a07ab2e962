package main

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/inspect"
)

// Entries are counted by state, and the latest of their last ticks counts: however many there are, a queue has six
// series.
func TestMetricsOfCron(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	inspector, err := inspect.New(rdb, inspect.Config{Namespace: namespace})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	names := []string{"on", "overdue", "paused", "torn"}
	for _, name := range names {
		_, err := inspector.AddCron(t.Context(), "reports", name, inspect.CronSettings{
			Spec: "@daily", Kind: "report", Data: []byte(`{}`), Jitter: time.Second,
		})
		must(err)
	}
	_, err = inspector.PauseCron(t.Context(), "reports", "paused")
	must(err)
	key := namespace + ":{reports}:cron"
	must(rdb.ZAdd(t.Context(), key+":next", redis.Z{Score: 1, Member: "overdue"}).Err())
	must(rdb.HSet(t.Context(), key, "torn", "damage").Err())
	must(rdb.LPush(t.Context(), key+":history:on", "63500 60000 enqueued").Err())
	must(rdb.LPush(t.Context(), key+":history:overdue", "60200 60000 enqueued").Err())
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(inspector))
	const want = `# HELP navvy_cron_entries Cron entries of the queue, by state, if it has any.
# TYPE navvy_cron_entries gauge
navvy_cron_entries{queue="reports",state="broken"} 1
navvy_cron_entries{queue="reports",state="held"} 0
navvy_cron_entries{queue="reports",state="on"} 1
navvy_cron_entries{queue="reports",state="overdue"} 1
navvy_cron_entries{queue="reports",state="paused"} 1
# HELP navvy_cron_last_tick_late_seconds How late the last tick of an entry was beyond its jitter, at the most.
# TYPE navvy_cron_last_tick_late_seconds gauge
navvy_cron_last_tick_late_seconds{queue="reports"} 2.5
`
	err = testutil.GatherAndCompare(registry, strings.NewReader(want), "navvy_cron_entries",
		"navvy_cron_last_tick_late_seconds")
	if err != nil {
		t.Error(err)
	}
}
