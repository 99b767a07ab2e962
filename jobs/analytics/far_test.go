package analytics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/queue"
)

// Whatever the timestamps, there are no more keys than days that can be asked for, and one that expires.
func TestEventsFarFromNowGoToOnePlaceThatExpires(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then, Steps: []string{"view"}})
	far := []time.Time{
		{}, time.Unix(0, 0), then().AddDate(0, 0, -analytics.MaxDays).Add(-time.Second), then().AddDate(-1000, 0, 0),
		then().Add(analytics.MaxAhead + time.Second), then().AddDate(7000, 0, 0), time.Unix(1<<62, 0),
	}
	for i, at := range far {
		must(t, counter.Count(ctx, fmt.Sprint(i), analytics.Track{Event: "view", UserID: "u", At: at}))
		must(t, counter.Count(ctx, fmt.Sprint(i), analytics.Track{Event: "view", UserID: "u", At: at})) // once
	}
	must(t, counter.Track(ctx, analytics.Track{Event: "view", UserID: "u", At: then().AddDate(90, 0, 0)}))
	near := []time.Time{then().AddDate(0, 0, -analytics.MaxDays), then(), then().Add(analytics.MaxAhead)}
	for i, at := range near {
		must(t, counter.Count(ctx, fmt.Sprint("near", i), analytics.Track{Event: "view", UserID: "u", At: at}))
		stats, err := counter.Stats(ctx, at)
		must(t, err)
		if stats.TotalEvents != 1 || stats.UniqueUsers != 1 {
			t.Errorf("%s: %+v", at, stats)
		}
	}
	stats, err := counter.Far(ctx)
	must(t, err)
	if want := int64(len(far) + 1); stats.TotalEvents != want || stats.Events["view"] != want {
		t.Errorf("far: %+v, want %d", stats, want)
	}
	if ttl := rdb.PTTL(ctx, "analytics:events:far").Val(); ttl <= 0 || ttl > analytics.FarFor {
		t.Errorf("the far events expire in %s", ttl)
	}
	keys := rdb.Keys(ctx, "*analytics*").Val()
	for _, key := range keys {
		if strings.Contains(key, "far") && key != "analytics:events:far" && key != "{analytics:events:far}:counted" {
			t.Errorf("a key too many: %s", key)
		}
	}
	if most := 5*len(near) + 2; len(keys) > most {
		t.Errorf("%d keys, at most %d: %q", len(keys), most, keys)
	}
}

func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then})
	long := func(n int) string { return strings.Repeat("x", n) }
	longest := analytics.Track{Event: long(analytics.MaxName), UserID: long(analytics.MaxUser), At: noon}
	must(t, counter.Count(ctx, "a", longest))
	for _, event := range []analytics.Track{
		{Event: "", At: noon}, {Event: long(analytics.MaxName + 1), At: noon},
		{Event: "e", UserID: long(analytics.MaxUser + 1), At: noon},
	} {
		for _, err := range []error{counter.Count(ctx, "b", event), counter.Send(ctx, event), counter.Track(ctx, event)} {
			if !errors.Is(err, analytics.ErrInvalid) {
				t.Errorf("%.10q of %.10q: %v", event.Event, event.UserID, err)
			}
		}
	}
	names := make([]any, 0, 2*analytics.MaxNames)
	for i := range analytics.MaxNames - 1 {
		names = append(names, fmt.Sprint("name ", i), 1)
	}
	must(t, rdb.HSet(ctx, "analytics:events:2025-11-22", names...).Err())
	must(t, counter.Count(ctx, "c", analytics.Track{Event: "one too many", At: noon}))
	must(t, counter.Count(ctx, "d", analytics.Track{Event: "name 7", At: noon}))
	must(t, counter.Track(ctx, analytics.Track{Event: "another", At: noon}))
	check := func(stats analytics.Stats, err error) {
		t.Helper()
		must(t, err)
		if len(stats.Events) != analytics.MaxNames+1 || stats.Events[analytics.OtherEvents] != 2 ||
			stats.Events["name 7"] != 2 || stats.TotalEvents != analytics.MaxNames+3 {
			t.Errorf("%s: %d names, %d events, %d others", stats.Date, len(stats.Events), stats.TotalEvents,
				stats.Events[analytics.OtherEvents])
		}
	}
	check(counter.Stats(ctx, noon))
	must(t, counter.Rollup(ctx, noon))
	check(counter.Month(ctx, noon))
}

func TestDaysAreThoseOfTheZone(t *testing.T) {
	t.Parallel()
	for _, zone := range []*time.Location{
		time.FixedZone("east", 14*60*60), time.FixedZone("west", -12*60*60), time.FixedZone("Kathmandu", 5*60*60+45*60),
	} {
		rdb := redistest.New(t).Client(t)
		ctx, counter := t.Context(), analytics.New(rdb, analytics.Config{Now: then, Zone: zone})
		midnight := time.Date(2025, 11, 1, 0, 0, 0, 0, zone)
		for i, at := range []time.Time{midnight.Add(-time.Second), midnight, midnight.Add(24*time.Hour - time.Second)} {
			must(t, counter.Count(ctx, fmt.Sprint(i), analytics.Track{Event: "e", UserID: fmt.Sprint(i), At: at.UTC()}))
		}
		r, err := counter.Range(ctx, midnight.Add(-time.Second), midnight)
		must(t, err)
		if r.From != "2025-10-31" || r.To != "2025-11-01" || r.Days[0].TotalEvents != 1 || r.Days[1].TotalEvents != 2 {
			t.Errorf("%s: %+v", zone, r)
		}
		must(t, counter.Rollup(ctx, midnight))
		if got, err := counter.Month(ctx, midnight.Add(time.Hour)); err != nil || got.Date != "2025-11" ||
			got.TotalEvents != 2 {
			t.Errorf("%s: %+v (%v)", zone, got, err)
		}
		now := time.Now().In(zone)
		live := analytics.New(rdb, analytics.Config{Zone: zone})
		must(t, live.Count(ctx, "now", analytics.Track{Event: "e", At: now}))
		must(t, live.Expire(ctx, now, 3))
		end := time.Date(now.Year(), now.Month(), now.Day()+4, 0, 0, 0, 0, zone)
		ttl := rdb.PTTL(ctx, "analytics:events:"+now.Format(time.DateOnly)).Val()
		if off := time.Until(end) - ttl; off < -time.Minute || off > time.Minute {
			t.Errorf("%s: the day expires in %s, it ends in %s", zone, ttl, time.Until(end))
		}
	}
}

// Clocks that are put forward at midnight leave a day without one.
func TestADayWithoutMidnight(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	must(t, err)
	now := func() time.Time { return time.Date(2018, 11, 6, 0, 0, 0, 0, zone) }
	counter := analytics.New(redistest.New(t).Client(t), analytics.Config{Now: now, Zone: zone})
	for day := 2; day <= 6; day++ { // on the 4th
		at := time.Date(2018, 11, day, 1, 30, 0, 0, zone)
		must(t, counter.Count(t.Context(), fmt.Sprint(day), analytics.Track{Event: "e", At: at}))
	}
	first := time.Date(2018, 11, 2, 12, 0, 0, 0, zone)
	r, err := counter.Range(t.Context(), first, first.AddDate(0, 0, 4))
	must(t, err)
	for i, day := range r.Days {
		if day.Date != fmt.Sprintf("2018-11-%02d", i+2) || day.TotalEvents != 1 {
			t.Errorf("%+v", day)
		}
	}
}

// A job with a timestamp that is none is done: it has a place, and is not tried again.
func TestAJobFarFromNowIsDone(t *testing.T) {
	t.Parallel()
	fleet, counter := startFleet(t, redistest.New(t).Client(t), time.Now)
	job := analytics.Track{Event: "view", UserID: "u", At: time.Now().AddDate(5, 0, 0)}
	if ended := fleet.Run(t, job); ended.Type != queue.EventDone {
		t.Errorf("ended as %s: %v", ended.Type, ended.Err)
	}
	stats, err := counter.Far(t.Context())
	must(t, err)
	if stats.TotalEvents != 1 {
		t.Errorf("%+v", stats)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
