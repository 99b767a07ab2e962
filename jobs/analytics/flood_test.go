package analytics_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
)

// flood is events of two days on the article's stream, and what must be counted of them.
type flood struct {
	rdb    *redis.Client
	events int
	users  int
}

const floodedDays = 2

var (
	floodDay  = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -7)
	floodKind = []string{"page_view", "page_view", "page_view", "click", "purchase"}
)

// newFlood is of 100,000 events, or as many as NAVVY_EVENTS says.
func newFlood(t *testing.T) *flood {
	t.Helper()
	f := &flood{rdb: redistest.New(t).Client(t), events: 100_000}
	if text := os.Getenv("NAVVY_EVENTS"); text != "" {
		var err error
		if f.events, err = strconv.Atoi(text); err != nil || f.events < 1000 {
			t.Fatalf("NAVVY_EVENTS=%s: want a number of 1000 or more", text)
		}
	}
	f.users = f.events / 10
	return f
}

// pour writes the events as a program would that knows nothing of navvy.
func (f *flood) pour(t *testing.T) {
	t.Helper()
	const atOnce = 1000
	for from := 0; from < f.events; from += atOnce {
		_, err := f.rdb.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
			for i := from; i < min(from+atOnce, f.events); i++ {
				at := floodDay.AddDate(0, 0, i%floodedDays).Add(time.Duration(i) * time.Millisecond / 20)
				pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: analytics.DefaultStream, Values: []string{
					"event", floodKind[i%len(floodKind)], "user_id", "user_" + strconv.Itoa(i%f.users),
					"timestamp", strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64), "metadata", `{"page": "/home"}`,
				}})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ebb waits until no more than so many events are left, and for 0 until none is.
func (f *flood) ebb(t *testing.T, left int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for f.rdb.XLen(ctx, analytics.DefaultStream).Val() > left {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d events are left", f.rdb.XLen(t.Context(), analytics.DefaultStream).Val())
		}
	}
	if ctx.Err() != nil {
		t.Fatal(ctx.Err())
	}
}

// check holds what was counted against what was written.
func (f *flood) check(t *testing.T) {
	t.Helper()
	want := map[string]int64{}
	for i := range f.events {
		want[floodKind[i%len(floodKind)]]++
	}
	counter := analytics.New(f.rdb, analytics.Config{})
	got, err := counter.Range(t.Context(), floodDay, floodDay.AddDate(0, 0, floodedDays-1))
	if err != nil {
		t.Fatal(err)
	}
	for event, n := range want {
		if got.Events[event] != n {
			t.Errorf("%s: counted %d of %d", event, got.Events[event], n)
		}
	}
	if got.TotalEvents != int64(f.events) || len(got.Events) != len(want) {
		t.Errorf("counted %d of %d: %v", got.TotalEvents, f.events, got.Events)
	}
	exact, err := counter.UniqueUsers(t.Context(), floodDay, floodDay.AddDate(0, 0, floodedDays-1))
	if err != nil || exact != int64(f.users) {
		t.Errorf("%d users (%v), want %d", exact, err, f.users)
	}
	off := float64(got.EstimatedUsers-exact) / float64(exact) * 100
	if off < -1 || off > 1 {
		t.Errorf("estimated %d users of %d: off by %.2f %%", got.EstimatedUsers, exact, off)
	}
	t.Logf("counted %d events of %d users exactly; HyperLogLog estimates %d users, %+.2f %%", got.TotalEvents, exact,
		got.EstimatedUsers, off)
	pending := f.rdb.XPending(t.Context(), analytics.DefaultStream, "workers").Val()
	if pending.Count != 0 || f.rdb.XLen(t.Context(), analytics.DefaultStream).Val() != 0 {
		t.Errorf("the stream is not empty: %+v", pending)
	}
	if dead := f.rdb.XLen(t.Context(), "{"+analytics.DefaultStream+"}:dead").Val(); dead != 0 {
		t.Errorf("%d dead events", dead)
	}
}

// commands lists what Redis has done since the statistics were reset, what scripts did included, without the test's
// own.
func (f *flood) commands(t *testing.T) (total int64, each string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(f.rdb.Info(t.Context(), "commandstats").Val()) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "cmdstat_"), ":calls=")
		if !ok || slices.Contains([]string{"xlen", "info", "config|resetstat"}, name) {
			continue
		}
		calls, _, _ := strings.Cut(rest, ",")
		n, err := strconv.ParseInt(calls, 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		total += n
		lines = append(lines, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(lines)
	return total, strings.Join(lines, ", ")
}

// A real worker counts events that other programs wrote, exactly, with far fewer commands than events.
func TestAFloodIsCountedExactly(t *testing.T) {
	t.Parallel()
	f := newFlood(t)
	f.pour(t)
	f.rdb.ConfigResetStat(t.Context())
	began := time.Now()
	for range 2 {
		startProcess(t, f.rdb.Options().Addr)
	}
	f.ebb(t, 0)
	took := time.Since(began)
	total, each := f.commands(t)
	perEvent := float64(total) / float64(f.events)
	t.Logf("%d events in %s: %.0f events/s by two workers, their start included", f.events, took.Round(time.Millisecond),
		float64(f.events)/took.Seconds())
	t.Logf("%.4f Redis commands per event, what scripts do included: %s", perEvent, each)
	most := 0.1
	if f.events < 1_000_000 { // beside other tests, where a starved worker reads small batches
		most = 0.25
	}
	if perEvent > most {
		t.Errorf("%.4f commands per event, want far less than one", perEvent)
	}
	f.check(t)
	marks := int64(0)
	for day := range floodedDays {
		key := "{analytics:events:" + floodDay.AddDate(0, 0, day).Format(time.DateOnly) + "}:counted"
		marks += f.rdb.SCard(t.Context(), key).Val()
	}
	t.Logf("%d marks are left", marks)
	if marks > int64(f.events)/2 && marks > 20_000 {
		t.Errorf("%d marks are left of %d events: those of acknowledged jobs should go", marks, f.events)
	}
}

// Workers that are killed in the middle leave events that were counted and not acknowledged: they are not counted
// again.
func TestAFloodIsCountedExactlyThoughWorkersAreKilled(t *testing.T) {
	t.Parallel()
	f := newFlood(t)
	f.pour(t)
	kill := startProcess(t, f.rdb.Options().Addr)
	for left := int64(kills); left > 0; left-- {
		f.ebb(t, int64(f.events)*left/(kills+1))
		kill()
		kill = startProcess(t, f.rdb.Options().Addr)
	}
	f.ebb(t, 0)
	f.check(t)
	counted := f.rdb.HGet(t.Context(), "{"+analytics.DefaultStream+"}:stats", "done").Val()
	if counted != strconv.Itoa(f.events) {
		t.Errorf("%s jobs done, want %d", counted, f.events)
	}
}
