package analytics_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/queue"
)

var noon = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)

// python does what the article's track_event does.
func python(t *testing.T, rdb redis.UniversalClient, event, user string) {
	t.Helper()
	_, err := rdb.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
		pipe.HIncrBy(t.Context(), "analytics:events:2025-11-22", event, 1)
		pipe.SAdd(t.Context(), "analytics:users:2025-11-22", user)
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "events:stream", Values: []string{
			"event", event, "user_id", user, "timestamp", "1763812800.1234567", "metadata", `{"page": "/"}`,
		}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func bound(t *testing.T, rdb redis.UniversalClient, kind string) (*jobtest.Fleet, *analytics.Counter) {
	t.Helper()
	counter, mux := analytics.New(rdb, analytics.Config{Now: then}), queue.NewMux()
	counter.Register(mux)
	raw := queue.QueueConfig{Raw: &queue.Raw{Kind: kind}}
	return jobtest.Start(t, rdb, mux, map[string]queue.QueueConfig{analytics.DefaultStream: raw}), counter
}

// awaitDone waits for the end of n jobs, and checks that the stream is empty.
func awaitDone(t *testing.T, rdb redis.UniversalClient, fleet *jobtest.Fleet, n int) {
	t.Helper()
	done := fleet.AwaitCount(t, queue.EventDone, n)
	if left := rdb.XLen(t.Context(), analytics.DefaultStream).Val(); left != 0 || done != n {
		t.Errorf("%d done, %d entries left in the stream", done, left)
	}
}

// Whoever writes to the stream, and whichever way it is bound: each event is counted once.
func TestEventsOfEveryProducerAreCountedOnce(t *testing.T) {
	t.Parallel()
	for kind, write := range map[string]func(t *testing.T, rdb redis.UniversalClient, c *analytics.Counter){
		"analytics.tracked": func(t *testing.T, rdb redis.UniversalClient, _ *analytics.Counter) {
			python(t, rdb, "purchase", "u-1")
		},
		"analytics.track": func(t *testing.T, _ redis.UniversalClient, c *analytics.Counter) {
			if err := c.Send(t.Context(), analytics.Track{Event: "purchase", UserID: "u-1", At: noon}); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rdb := redistest.New(t).Client(t)
			fleet, counter := bound(t, rdb, kind)
			write(t, rdb, counter)
			book := analytics.Track{Event: "purchase", UserID: "u-2", At: noon, Metadata: map[string]any{"item": "book"}}
			if err := counter.Track(t.Context(), book); err != nil {
				t.Error(err)
			}
			awaitDone(t, rdb, fleet, 2)
			stats, err := counter.Stats(t.Context(), noon)
			if err != nil || stats.TotalEvents != 2 || stats.UniqueUsers != 2 || stats.EstimatedUsers != 2 {
				t.Errorf("got %+v (%v), want 2 events of 2 users", stats, err)
			}
		})
	}
}

func TestTrackWritesWhatTheArticleWrites(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	counter := analytics.New(rdb, analytics.Config{Now: then})
	event := analytics.Track{Event: "purchase", UserID: "u-1", At: noon, Metadata: map[string]any{"item": "book"}}
	if err := counter.Track(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if n := rdb.HGet(t.Context(), "analytics:events:2025-11-22", "purchase").Val(); n != "1" {
		t.Errorf("counted %q", n)
	}
	if !rdb.SIsMember(t.Context(), "analytics:users:2025-11-22", "u-1").Val() {
		t.Error("the user was not noted")
	}
	entries := rdb.XRange(t.Context(), "events:stream", "-", "+").Val()
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	for field, want := range map[string]any{
		"event": "purchase", "user_id": "u-1", "timestamp": "1763812800.000", "metadata": `{"item":"book"}`, "counted": "1",
	} {
		if got := entries[0].Values[field]; got != want {
			t.Errorf("%s: %v, want %v", field, got, want)
		}
	}
}

func TestAnEventWithoutANameIsNotSent(t *testing.T) {
	t.Parallel()
	counter := analytics.New(redistest.Shared(t).Client(t), analytics.Config{Now: then})
	bad := analytics.Track{Event: "e", Metadata: map[string]any{"f": func() {}}}
	for name, err := range map[string]error{
		"Send":     counter.Send(t.Context(), analytics.Track{UserID: "u"}),
		"Track":    counter.Track(t.Context(), analytics.Track{UserID: "u"}),
		"metadata": counter.Send(t.Context(), bad),
	} {
		if !errors.Is(err, analytics.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

// A mark goes once its job is acknowledged, with the next batch of the day: the marks do not grow with the events.
func TestMarksGoWithTheirJobs(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	fleet, counter := bound(t, rdb, "analytics.track")
	const rounds = 5
	for n := range rounds {
		if err := counter.Send(t.Context(), analytics.Track{Event: "purchase", At: noon}); err != nil {
			t.Fatal(err)
		}
		awaitDone(t, rdb, fleet, n+1)
	}
	if marks := rdb.SCard(t.Context(), "{analytics:events:2025-11-22}:counted").Val(); marks != 1 {
		t.Errorf("%d marks after %d jobs, one after the other; want the last one's", marks, rounds)
	}
}
