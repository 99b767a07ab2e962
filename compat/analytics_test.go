package compat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/queue"
)

// dailyStats is what the article's get_daily_stats returns.
type dailyStats struct {
	Date        string           `json:"date"`
	TotalEvents int64            `json:"total_events"`
	UniqueUsers int64            `json:"unique_users"`
	Events      map[string]int64 `json:"-"`
}

func (s *dailyStats) UnmarshalJSON(data []byte) error {
	type plain dailyStats
	counts := struct {
		*plain
		Events map[string]json.Number `json:"events"` // strings to the article's class
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(data, &counts); err != nil {
		return err
	}
	s.Events = map[string]int64{}
	for event, count := range counts.Events {
		s.Events[event], _ = count.Int64()
	}
	return nil
}

// oneDay waits for midnight if it is near, so that all that is counted belongs to one day, and returns that.
func oneDay() time.Time {
	if left := time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)); left < 30*time.Second {
		<-time.After(left)
	}
	return time.Now()
}

// sameStats compares what both sides say of a day.
func sameStats(
	t *testing.T, python *object, counter *analytics.Counter, day time.Time, events map[string]int64, users int64,
) {
	t.Helper()
	var theirs dailyStats
	python.call(&theirs, "get_daily_stats", day.UTC().Format(time.DateOnly))
	ours, err := counter.Stats(t.Context(), day)
	must(t, err)
	total := int64(0)
	for _, n := range events {
		total += n
	}
	if theirs.Date != ours.Date || theirs.TotalEvents != total || ours.TotalEvents != total ||
		theirs.UniqueUsers != users ||
		ours.UniqueUsers != users || !maps.Equal(theirs.Events, events) || !maps.Equal(ours.Events, events) {
		t.Errorf("Python says %+v and Go %+v, want %v and %d users", theirs, ours, events, users)
	}
}

// runWorker runs a worker on a raw stream until the test ends.
func runWorker(t *testing.T, rdb redis.UniversalClient, mux *queue.Mux, stream string, raw queue.Raw) {
	t.Helper()
	worker, err := queue.NewWorker(rdb, mux, queue.WorkerConfig{Queues: map[string]queue.QueueConfig{stream: {Raw: &raw}}})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
}

func TestEventsAreCountedByBothSidesAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := redistest.New(t) // the days' keys have fixed names
	rdb := server.Client(t)
	counter := analytics.New(rdb, analytics.Config{})
	peer := newPeer(t, server)
	python := peer.object("RedisAnalytics")
	day := oneDay()
	group, ctx := errgroup.WithContext(t.Context())
	group.Go(func() error {
		_, err := python.repeat(150, "track_event", "page_view", "both", map[string]string{"page": "/"})
		return err
	})
	for i := range 3 {
		group.Go(func() error {
			for n := range 50 {
				err := counter.Track(ctx, analytics.Track{Event: "page_view", UserID: fmt.Sprintf("u-%d-%d", i, n)})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, group.Wait())
	python.call(nil, "track_event", "purchase", "u-0-0")
	must(t, counter.Track(t.Context(), analytics.Track{Event: "purchase", UserID: "both"}))
	events := map[string]int64{"page_view": 300, "purchase": 2}
	sameStats(t, python, counter, day, events, 151)

	// The article's stream grows for ever. A worker empties it, and counts nothing a second time.
	if n := rdb.XLen(t.Context(), analytics.DefaultStream).Val(); n != 302 {
		t.Errorf("the stream has %d entries", n)
	}
	mux := queue.NewMux()
	counter.Register(mux)
	runWorker(t, rdb, mux, analytics.DefaultStream, queue.Raw{Kind: analytics.Tracked{}.Kind()})
	eventually(t, "the stream is empty", func(ctx context.Context) bool {
		return rdb.XLen(ctx, analytics.DefaultStream).Val() == 0
	})
	sameStats(t, python, counter, day, events, 151)
	if stats, err := counter.Stats(t.Context(), day); err != nil || stats.EstimatedUsers < 148 ||
		stats.EstimatedUsers > 154 {
		t.Errorf("of 151 users: %+v, %v", stats, err)
	}
}

func TestEventsThatAWorkerCountsAreReadByPython(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.New(t), t.Context()
	rdb := server.Client(t)
	counter := analytics.New(rdb, analytics.Config{})
	peer := newPeer(t, server)
	day := oneDay()
	for i := range 20 {
		must(t, counter.Send(ctx, analytics.Track{Event: "signup", UserID: fmt.Sprint("u-", i%7)}))
	}
	mux := queue.NewMux()
	counter.Register(mux)
	runWorker(t, rdb, mux, analytics.DefaultStream, queue.Raw{Kind: analytics.Track{}.Kind()})
	eventually(t, "the stream is empty", func(ctx context.Context) bool {
		return rdb.XLen(ctx, analytics.DefaultStream).Val() == 0
	})
	sameStats(t, peer.object("RedisAnalytics"), counter, day, map[string]int64{"signup": 20}, 7)
}

func TestEventsOfGoAreInTheArticlesForm(t *testing.T) {
	t.Parallel()
	server, ctx := redistest.New(t), t.Context()
	counter := analytics.New(server.Client(t), analytics.Config{})
	peer := newPeer(t, server)
	python := peer.object("RedisStreamQueue", analytics.DefaultStream)
	python.call(nil, "setup")
	at := time.Now()
	must(t, counter.Track(ctx, analytics.Track{Event: "signup", UserID: "ada", At: at,
		Metadata: map[string]any{"plan": "pro"}}))
	peer.object("RedisAnalytics").call(nil, "track_event", "signup", "ada", map[string]string{"plan": "pro"})
	for _, from := range []string{"Go", "Python"} {
		fields := consumeOne(python).fields
		var metadata map[string]string
		err := json.Unmarshal([]byte(fields["metadata"]), &metadata)
		var seconds float64
		_, scanErr := fmt.Sscan(fields["timestamp"], &seconds)
		if err != nil || scanErr != nil || fields["event"] != "signup" || fields["user_id"] != "ada" ||
			metadata["plan"] != "pro" ||
			seconds < float64(at.Unix()) || seconds > float64(at.Unix()+60) {
			t.Errorf("of %s Python reads %v", from, fields)
		}
	}
}
