package analytics_test

import (
	"errors"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
)

func TestCountAddsToTheArticlesKeys(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then})

	// Half past midnight in Kyiv is still the day before in UTC.
	at := time.Date(2025, 11, 23, 0, 30, 0, 0, time.FixedZone("Kyiv", 2*60*60))
	for i, event := range []analytics.Track{
		{Event: "page_view", UserID: "u-1", At: at},
		{Event: "page_view", UserID: "u-2", At: at},
		{Event: "purchase", UserID: "u-1", At: at},
		{Event: "crawl", At: at},
		{Event: "page_view", UserID: "u-1", At: at.Add(24 * time.Hour)},
	} {
		if err := counter.Count(ctx, strconv.Itoa(i), event); err != nil {
			t.Fatalf("Count: %v", err)
		}
	}

	want := map[string]string{"page_view": "2", "purchase": "1", "crawl": "1"}
	if got := rdb.HGetAll(ctx, "analytics:events:2025-11-22").Val(); !maps.Equal(got, want) {
		t.Errorf("analytics:events:2025-11-22 holds %v, want %v", got, want)
	}
	if users := rdb.SCard(ctx, "analytics:users:2025-11-22").Val(); users != 2 {
		t.Errorf("analytics:users:2025-11-22 holds %d users, want 2", users)
	}
	stats, err := counter.Stats(ctx, at)
	if err != nil {
		t.Fatalf("Stats: %v", err)
	}
	if stats.Date != "2025-11-22" || stats.TotalEvents != 4 || stats.UniqueUsers != 2 || stats.Events["page_view"] != 2 {
		t.Errorf("Stats: %+v", stats)
	}
}

func TestStatsOfADayWithoutEventsAreZero(t *testing.T) {
	t.Parallel()
	counter := analytics.New(redistest.Shared(t).Client(t), analytics.Config{Now: then})
	stats, err := counter.Stats(t.Context(), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || stats.TotalEvents != 0 || stats.UniqueUsers != 0 || stats.Events == nil {
		t.Errorf("Stats: %+v (%v)", stats, err)
	}
}

func TestAnEventIsCountedOncePerJob(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then})
	event := analytics.Track{Event: "purchase", UserID: "u-1", At: time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)}

	var wg sync.WaitGroup
	for range 10 {
		for _, id := range []string{"a", "b"} {
			wg.Go(func() {
				if err := counter.Count(ctx, id, event); err != nil {
					t.Errorf("Count: %v", err)
				}
			})
		}
	}
	wg.Wait()
	stats, err := counter.Stats(ctx, event.At)
	if err != nil || stats.TotalEvents != 2 {
		t.Errorf("two jobs delivered ten times each: %+v (%v), want 2 events", stats, err)
	}
	mark := "{analytics:events:2025-11-22}:counted"
	if ttl := rdb.PTTL(ctx, mark).Val(); ttl <= 0 || ttl > analytics.CountedFor {
		t.Errorf("TTL of %s: %s, want up to %s", mark, ttl, analytics.CountedFor)
	}
}

func TestCountLoadsItsScriptAgainAfterRedisForgotIt(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then})
	at := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, id := range []string{"a", "b"} {
		rdb.ScriptFlush(ctx)
		if err := counter.Count(ctx, id, analytics.Track{Event: "purchase", At: at}); err != nil {
			t.Fatalf("Count: %v", err)
		}
	}
	if stats, err := counter.Stats(ctx, at); err != nil || stats.TotalEvents != 2 {
		t.Errorf("Stats: %+v (%v), want 2 events", stats, err)
	}
}

func TestAnEventWithoutANameIsInvalid(t *testing.T) {
	t.Parallel()
	counter := analytics.New(redistest.Shared(t).Client(t), analytics.Config{Now: then})
	if err := counter.Count(t.Context(), "a", analytics.Track{UserID: "u-1"}); !errors.Is(err, analytics.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}
