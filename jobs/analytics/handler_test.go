package analytics_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/queue"
)

// startFleet runs analytics.track on a worker: on the default queue, and bound to the article's events:stream.
func startFleet(
	t *testing.T, rdb redis.UniversalClient, now func() time.Time,
) (*jobtest.Fleet, *analytics.Counter) {
	t.Helper()
	counter, mux := analytics.New(rdb, analytics.Config{Now: now}), queue.NewMux()
	counter.Register(mux)
	raw := queue.QueueConfig{Raw: &queue.Raw{Kind: analytics.Track{}.Kind()}}
	return jobtest.Start(t, rdb, mux, map[string]queue.QueueConfig{"events:stream": raw}), counter
}

func TestJobsAreCountedOnTheDayTheyWereEnqueued(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	fleet, counter := startFleet(t, rdb, time.Now)
	before := time.Now()
	ended := fleet.Run(t, analytics.Track{Event: "page_view", UserID: "u-1"})
	after := time.Now()
	if ended.Type != queue.EventDone {
		t.Fatalf("ended as %s: %v", ended.Type, ended.Err)
	}
	counted := int64(0)
	days := map[string]time.Time{before.UTC().Format(time.DateOnly): before, after.UTC().Format(time.DateOnly): after}
	for _, day := range days {
		stats, err := counter.Stats(t.Context(), day)
		if err != nil {
			t.Fatal(err)
		}
		counted += stats.TotalEvents
	}
	if counted != 1 {
		t.Errorf("%d events counted today, want 1", counted)
	}
	if ended := fleet.Run(t, analytics.Track{UserID: "u-1"}); ended.Type != queue.EventDead {
		t.Errorf("an event without a name ended as %s", ended.Type)
	}
}

func TestTheArticlesStreamIsCounted(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	fleet, counter := startFleet(t, rdb, then)
	for _, user := range []string{"u-1", "u-2", "u-1"} {
		entry := redis.XAddArgs{Stream: "events:stream", Values: []any{
			"event", "purchase", "user_id", user, "timestamp", "1763821600.123", "metadata", `{"item": "book"}`,
		}}
		id, err := rdb.XAdd(t.Context(), &entry).Result()
		if err != nil {
			t.Fatal(err)
		}
		ended := fleet.Await(t, func(e queue.Event) bool {
			return e.Job == id && (e.Type == queue.EventDone || e.Type == queue.EventDead)
		})
		if ended.Type != queue.EventDone {
			t.Fatalf("ended as %s: %v", ended.Type, ended.Err)
		}
	}
	stats, err := counter.Stats(t.Context(), time.Date(2025, 11, 22, 0, 0, 0, 0, time.UTC))
	if err != nil || stats.TotalEvents != 3 || stats.UniqueUsers != 2 || stats.Events["purchase"] != 3 {
		t.Errorf("Stats: %+v (%v), want 3 purchases of 2 users", stats, err)
	}
}
