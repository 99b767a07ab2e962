package analytics_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/queue"
)

// seen is an event of a user, some hours after the beginning of 22 November 2025.
type seen struct {
	event, user string
	hours       int
}

func count(t *testing.T, counter *analytics.Counter, all ...seen) {
	t.Helper()
	for i, s := range all {
		at := time.Date(2025, 11, 22, s.hours, 0, 0, 0, time.UTC)
		if err := counter.Count(t.Context(), t.Name()+strconv.Itoa(i),
			analytics.Track{Event: s.event, UserID: s.user, At: at}); err != nil {
			t.Fatal(err)
		}
	}
}

// onEachServer runs a test on a single server, and on a cluster of one node, which is as strict about slots as one of
// a hundred.
func onEachServer(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.New(t).Client(t))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		server := redistest.New(t, "--cluster-enabled", "yes")
		node := server.Client(t)
		if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
		}
		rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
		t.Cleanup(func() { _ = rdb.Close() })
		test(t, rdb)
	})
}

func TestRangesAndCohorts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then})
		count(t, counter,
			seen{"view", "a", 1}, seen{"view", "b", 2}, seen{"buy", "a", 3}, // the 22nd
			seen{"view", "b", 24}, seen{"view", "c", 25}, // the 23rd
			seen{"view", "a", 49}, seen{"view", "b", 50}, // the 24th
		)
		from, to := noon, noon.AddDate(0, 0, 2)
		r, err := counter.Range(ctx, from, to)
		if err != nil || r.TotalEvents != 7 || r.EstimatedUsers != 3 ||
			!maps.Equal(r.Events, map[string]int64{"view": 6, "buy": 1}) ||
			len(r.Days) != 3 || r.Days[1].UniqueUsers != 2 || r.Days[1].Date != "2025-11-23" || r.From != "2025-11-22" ||
			r.To != "2025-11-24" {
			t.Errorf("Range: %+v (%v)", r, err)
		}
		if n, err := counter.UniqueUsers(ctx, from, to); err != nil || n != 3 {
			t.Errorf("UniqueUsers: %d (%v), want 3", n, err)
		}
		if got, err := counter.Retention(ctx, from, 3); err != nil || !slices.Equal(got, []int64{2, 1, 2, 0}) {
			t.Errorf("Retention: %v (%v), want 2 users, 1 of them after a day, 2 after two, none after three", got, err)
		}
		for what, err := range map[string]error{
			"backwards": second(counter.Range(ctx, to, from)),
			"too long":  second(counter.Range(ctx, from, from.AddDate(0, 0, analytics.MaxDays))),
			"no days":   second(counter.Retention(ctx, from, 0)),
			"too many":  second(counter.Retention(ctx, from, analytics.MaxDays)),
			"union":     second(counter.UniqueUsers(ctx, to, from)),
		} {
			if !errors.Is(err, analytics.ErrInvalid) {
				t.Errorf("%s: got %v, want ErrInvalid", what, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestRetentionLooksAtEveryPage(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	counter := analytics.New(rdb, analytics.Config{Now: then})
	for i := range 5000 {
		rdb.SAdd(t.Context(), "analytics:users:2025-11-22", i)
		if i%2 == 0 {
			rdb.SAdd(t.Context(), "analytics:users:2025-11-23", i)
		}
	}
	if got, err := counter.Retention(t.Context(), noon, 1); err != nil || !slices.Equal(got, []int64{5000, 2500}) {
		t.Errorf("got %v (%v)", got, err)
	}
}

func TestFunnel(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, rdb redis.UniversalClient) {
		counter := analytics.New(rdb, analytics.Config{Now: then, Steps: []string{"view", "cart", "buy"}})
		count(t, counter,
			seen{"view", "all", 1}, seen{"cart", "all", 2}, seen{"buy", "all", 3},
			seen{"buy", "late", 6}, seen{"cart", "late", 5}, seen{"view", "late", 4}, // in the wrong order
			seen{"view", "looks", 1}, seen{"view", "looks", 9},
			seen{"cart", "wrong", 1}, seen{"view", "wrong", 2}, // done in the wrong order
			seen{"view", "skips", 1}, seen{"buy", "skips", 2},
			seen{"other", "other", 1},
			seen{"view", "tomorrow", 25},
		)
		got, err := counter.Funnel(t.Context(), noon, "view", "cart", "buy")
		if err != nil || !slices.Equal(got, []int64{5, 2, 2}) {
			t.Errorf("got %v (%v), want 5 who viewed, 2 of whom put it in the cart and bought it", got, err)
		}
		if ttl := rdb.PTTL(t.Context(), "{analytics:firsts:2025-11-22}:view").Val(); ttl <= 0 || ttl > analytics.FirstsFor {
			t.Errorf("first times live for %s", ttl)
		}
		for what, steps := range map[string][]string{
			"one step": {"view"}, "not kept": {"view", "other"}, "twice": {"view", "view"},
			"too many": make([]string, analytics.MaxSteps+1),
		} {
			if _, err := counter.Funnel(t.Context(), noon, steps...); !errors.Is(err, analytics.ErrInvalid) {
				t.Errorf("%s: got %v, want ErrInvalid", what, err)
			}
		}
	})
}

func TestEstimateOnlyKeepsNoSets(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	counter := analytics.New(rdb, analytics.Config{Now: then, EstimateOnly: true})
	count(t, counter, seen{"view", "a", 1}, seen{"view", "b", 1})
	stats, err := counter.Stats(t.Context(), noon)
	if err != nil || stats.UniqueUsers != 0 || stats.EstimatedUsers != 2 ||
		rdb.Exists(t.Context(), "analytics:users:2025-11-22").Val() != 0 {
		t.Errorf("got %+v (%v)", stats, err)
	}
}

// However often it is called, while events still come, and after days are gone: a month is the sum of its days.
func TestMonthsAreTheSumOfTheirDays(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then})
		check := func(events, users int64) {
			t.Helper()
			for range 2 {
				if err := counter.Rollup(ctx, noon); err != nil {
					t.Fatal(err)
				}
			}
			got, err := counter.Month(ctx, noon)
			if err != nil || got.Date != "2025-11" || got.TotalEvents != events || got.Events["view"] != events ||
				got.EstimatedUsers != users {
				t.Errorf("got %+v (%v), want %d events of %d users", got, err, events, users)
			}
		}
		check(0, 0)
		count(t, counter, seen{"view", "a", 1}, seen{"view", "b", 25}, seen{"view", "c", 24 * 10}) // the last is December's
		check(2, 2)
		if err := counter.Count(ctx, "late", analytics.Track{Event: "view", UserID: "d", At: noon}); err != nil {
			t.Fatal(err)
		}
		check(3, 3)
		for _, key := range []string{"analytics:events:2025-11-22", "analytics:users:{hll}:2025-11-22"} {
			rdb.Del(ctx, key)
		}
		check(3, 3)
	})
}

func TestOldDaysGoAndTheirMonthsStay(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx, counter, today := t.Context(), analytics.New(rdb, analytics.Config{}), time.Now().UTC()
		old, recent := today.AddDate(0, 0, -40), today.AddDate(0, 0, -5)
		for i, at := range []time.Time{old, recent, today} {
			if err := counter.Count(ctx, strconv.Itoa(i), analytics.Track{Event: "view", UserID: "u", At: at}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := counter.Expire(ctx, today, 30); err != nil {
				t.Fatal(err)
			}
		}
		day := func(at time.Time) string { return at.Format(time.DateOnly) }
		for _, prefix := range []string{"analytics:events:", "analytics:users:", "analytics:users:{hll}:"} {
			if rdb.Exists(ctx, prefix+day(old)).Val() != 0 {
				t.Errorf("%s is still there", prefix+day(old))
			}
			for at, days := range map[time.Time]int{recent: 26, today: 31} {
				end := at.Truncate(24*time.Hour).AddDate(0, 0, 31)
				if ttl := rdb.PTTL(ctx, prefix+day(at)).Val(); ttl < time.Until(end)-time.Minute ||
					ttl > time.Duration(days)*24*time.Hour {
					t.Errorf("%s lives for %s", prefix+day(at), ttl)
				}
			}
		}
		if got, err := counter.Month(ctx, old); err != nil || got.TotalEvents < 1 || got.EstimatedUsers != 1 {
			t.Errorf("the old month: %+v (%v)", got, err)
		}
		for _, keep := range []int{0, analytics.MaxDays + 1} {
			if err := counter.Expire(ctx, today, keep); !errors.Is(err, analytics.ErrInvalid) {
				t.Errorf("keep %d: got %v, want ErrInvalid", keep, err)
			}
		}
	})
}

func TestChoresAsJobs(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	fleet, counter := startFleet(t, rdb, then)
	count(t, counter, seen{"view", "a", 1})
	for _, job := range []queue.Args{analytics.Rollup{Month: "2025-11"}, analytics.Rollup{},
		analytics.Expire{KeepDays: 400}, analytics.Expire{}} {
		if ended := fleet.Run(t, job); ended.Type != queue.EventDone {
			t.Errorf("%+v ended as %s: %v", job, ended.Type, ended.Err)
		}
	}
	if got, err := counter.Month(t.Context(), noon); err != nil || got.TotalEvents != 1 {
		t.Errorf("got %+v (%v)", got, err)
	}
	for _, job := range []queue.Args{analytics.Rollup{Month: "November"}, analytics.Expire{KeepDays: -1}} {
		if ended := fleet.Run(t, job); ended.Type != queue.EventDead || !errors.Is(ended.Err, analytics.ErrInvalid) {
			t.Errorf("%+v ended as %s: %v", job, ended.Type, ended.Err)
		}
	}
}

// Some 400 days of events on a batch that names them all: one step for each day, on a cluster too.
func TestABatchOfManyDays(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, rdb redis.UniversalClient) {
		fleet, counter := bound(t, rdb, "analytics.track")
		from := noon.AddDate(0, 0, 1-analytics.MaxDays)
		for n := range analytics.MaxDays {
			event := analytics.Track{Event: "view", UserID: "u", At: from.AddDate(0, 0, n)}
			if err := counter.Send(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
		awaitDone(t, rdb, fleet, analytics.MaxDays)
		r, err := counter.Range(t.Context(), from, noon)
		if err != nil || r.TotalEvents != analytics.MaxDays || r.EstimatedUsers != 1 || len(r.Days) != analytics.MaxDays {
			t.Errorf("got %d events (%v)", r.TotalEvents, err)
		}
	})
}
