package inspect_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A series adds minutes to steps, hours to longer ones, and has a step for each, also without work.
func TestSeriesOfSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known()
	keys := wire.NewQueueRef(w.namespace, "orders", wire.Binding{}).Keys
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	set := func(key string, values ...any) { w.must(w.rdb.HSet(t.Context(), key, values...).Err()) }
	set(keys.Minute(day), "done", 1, "run:13", 1, "run_us", 500, "waiting", 9, "in_flight", 2)
	set(keys.Minute(day.Add(time.Minute)), "done", 2, "failed", 3, "run:13", 1, "run:103", 1, "run_us", 1500, "waiting",
		4, "in_flight", 1)
	set(keys.Minute(day.Add(7*time.Minute)), "dead", 1, "wait:16", 4, "wait_us", 80, "redelivered", 5, "reclaimed", 6,
		"lease_lost", 7, "snoozed", 8)
	set(keys.Hour(day), "done", 100)
	set(keys.Hour(day.Add(time.Hour)), "done", 200)
	stats := func(from, to time.Time, step time.Duration) []inspect.Stat {
		t.Helper()
		series, err := w.look.Stats(t.Context(), "orders", from, to, step)
		w.must(err)
		return series
	}
	minutes := stats(day.Add(30*time.Second), day.Add(8*time.Minute), time.Minute)
	if len(minutes) != 8 || minutes[0].At != day || minutes[0].Done != 1 || minutes[1].Done != 2 ||
		minutes[2].Done != 0 ||
		minutes[0].Waiting != 9 || minutes[2].Waiting != -1 || minutes[2].InFlight != -1 {
		t.Errorf("got %+v", minutes)
	}
	fives := stats(day, day.Add(10*time.Minute), 5*time.Minute)
	first := inspect.Stat{At: day, Done: 3, Failed: 3, Waiting: 4, InFlight: 1}
	first.Run.Counts[0], first.Run.Counts[90], first.Run.Sum = 2, 1, 2*time.Millisecond
	second := inspect.Stat{
		At: day.Add(5 * time.Minute), Dead: 1, Redelivered: 5, Reclaimed: 6, LeaseLost: 7, Snoozed: 8, Waiting: -1,
		InFlight: -1,
	}
	second.Wait.Counts[3], second.Wait.Sum = 4, 80*time.Microsecond
	if len(fives) != 2 || fives[0] != first || fives[1] != second {
		t.Errorf("got %+v", fives)
	}
	hours := stats(day, day.Add(4*time.Hour), 2*time.Hour)
	if len(hours) != 2 || hours[0].Done != 300 || hours[1].Done != 0 || hours[1].At != day.Add(2*time.Hour) {
		t.Errorf("got %+v", hours)
	}
	if most := stats(day, day.Add(1500*time.Minute), time.Minute); len(most) != 1500 {
		t.Errorf("%d steps", len(most))
	}
	for _, step := range []time.Duration{math.MinInt64, -time.Minute, 0, 59 * time.Second, 61 * time.Second,
		90 * time.Second} {
		if _, err := w.look.Stats(t.Context(), "orders", day, day.Add(time.Hour), step); err == nil ||
			!strings.Contains(err.Error(), "want a number of") {
			t.Errorf("steps of %s: got %v", step, err)
		}
	}
	for name, to := range map[string]time.Time{"too long": day.Add(1501 * time.Minute), "none": day,
		"for ever": day.AddDate(5000, 0, 0), "never": {}} {
		if _, err := w.look.Stats(t.Context(), "orders", day, to, time.Minute); err == nil ||
			!strings.Contains(err.Error(), "want 1 to 1500") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Fields and numbers that are damaged, or of a later version, count for nothing and disturb nothing.
func TestDamagedCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known()
	keys := wire.NewQueueRef(w.namespace, "orders", wire.Binding{}).Keys
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	damaged := []any{
		"failed", "many", "run:104", 1, "run:-1", 1, "run:+5", 1, "run:x", 1, "run:", 1, "size:3", 7, "size_us", 9,
		"new", 5, "", 1, "run_us", "x", "wait", 3,
	}
	w.must(w.rdb.HSet(t.Context(), keys.Minute(day), append(damaged, "done", 2)...).Err())
	series, err := w.look.Stats(t.Context(), "orders", day, day.Add(time.Minute), time.Minute)
	w.must(err)
	if want := (inspect.Stat{At: day, Done: 2, Waiting: -1, InFlight: -1}); len(series) != 1 || series[0] != want {
		t.Errorf("got %+v", series)
	}
	w.must(w.rdb.HSet(t.Context(), w.key("metrics"), "done:a:b", 1, "failed:a:b", "x", "run:15:a:b", 3, "run_us:a:b",
		4000, "wait:104:a:b", 1,
		"size:3:a:b", 7, "redelivered", 5, "reclaimed", "x", "new", 6, "dead:~unknown", 2, "snoozed:c", 1).Err())
	m, err := w.look.Metrics(t.Context(), "orders")
	w.must(err)
	want := []inspect.KindMetrics{{Kind: "a:b", Done: 1}, {Kind: "c", Snoozed: 1}, {Kind: "~unknown", Dead: 2}}
	want[0].Run.Counts[2], want[0].Run.Sum = 3, 4*time.Millisecond
	kinds := map[string]inspect.KindMetrics{}
	for _, k := range m.Kinds {
		kinds[k.Kind] = k
	}
	for _, k := range want {
		if kinds[k.Kind] != k {
			t.Errorf("got %+v, want %+v", kinds[k.Kind], k)
		}
	}
	if m.Redelivered != 5 || m.Reclaimed != 0 || m.LeaseLost != 0 || m.Caretaker != "" {
		t.Errorf("got %+v", m)
	}
	w.must(w.rdb.HSet(t.Context(), w.key("stats"), "done", "x", "retried", 3, "deleted_dead", 1, "deleted_stream", 2,
		"later", 9).Err())
	info, err := w.look.Queue(t.Context(), "orders")
	if err != nil || info.Totals != (inspect.Totals{Retried: 3, Deleted: 3}) {
		t.Errorf("got %+v, %v", info.Totals, err)
	}
}

// What workers of versions before have counted in thirteen coarse buckets is read beside what is counted now.
func TestHistogramsOfVersionsBeforeAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known()
	keys := wire.NewQueueRef(w.namespace, "orders", wire.Binding{}).Keys
	at := func(d time.Duration) int { return wire.BucketOf(d) }
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	w.must(w.rdb.HSet(t.Context(), keys.Minute(day),
		"wait:0", 2, "wait:10", 10, wire.BucketField("wait", at(150*time.Second)), 1, "wait:12", 3, "wait_us", 5).Err())
	series, err := w.look.Stats(t.Context(), "orders", day, day.Add(time.Minute), time.Minute)
	w.must(err)
	var want inspect.Histogram // 10 of 30 to 100 s are spread over the buckets up to 40, 50, 60, 80 and 100 s
	want.Counts[0], want.Counts[at(300*time.Second)+1], want.Sum = 2, 3, 5*time.Microsecond
	for _, bound := range []time.Duration{40, 50, 60, 80, 100} {
		want.Counts[at(bound*time.Second)] = 2
	}
	want.Counts[at(150*time.Second)] = 1
	if series[0].Wait != want {
		t.Errorf("got %v, want %v", series[0].Wait, want)
	}
	w.must(w.rdb.HSet(t.Context(), w.key("metrics"), "run:1:a", 3, wire.BucketField("run", at(2*time.Millisecond))+":a",
		4).Err())
	metrics, err := w.look.Metrics(t.Context(), "orders")
	w.must(err)
	if len(metrics.Kinds) != 1 || metrics.Kinds[0].Run.Count() != 7 || metrics.Kinds[0].Kind != "a" {
		t.Errorf("got %+v", metrics.Kinds)
	}
}
