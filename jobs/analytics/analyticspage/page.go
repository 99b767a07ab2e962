package dashboard

import (
	"cmp"
	"context"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/navvy-go/navvy/jobs/analytics"
)

const (
	analyticsDays   = 14 // shown unless others are asked for
	analyticsMost   = 31 // days: to count the users of all together, Redis takes 20 µs for each
	analyticsEvents = 50 // names of events that are listed, the most frequent first
)

// activity is what was counted on some days.
type activity struct {
	analytics.Range
	Frequent []frequency `json:"-"`
	Names    int         `json:"event_names"` // how many there are
}

// frequency is how often an event was counted.
type frequency struct {
	Event string
	Count int64
}

var analyticsPage = page{section: "analytics", title: "Analytics", template: "analytics", load: loadAnalytics}

func loadAnalytics(ctx context.Context, d *Dashboard, r *request) (any, error) {
	from, to, err := daysAsked(r, d.cfg.Now())
	if err != nil {
		return nil, err
	}
	counted, err := analytics.New(d.cfg.Redis, analytics.Config{}).Range(ctx, from, to)
	if err != nil {
		return nil, err
	}
	a := activity{Range: counted, Names: len(counted.Events)}
	for event, n := range counted.Events {
		a.Frequent = append(a.Frequent, frequency{event, n})
	}
	slices.SortFunc(a.Frequent, func(x, y frequency) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Event, y.Event))
	})
	a.Frequent = a.Frequent[:min(len(a.Frequent), analyticsEvents)]
	return a, nil
}

// daysAsked reads from and to, days in UTC: the last ones unless others are asked for.
func daysAsked(r *request, now time.Time) (from, to time.Time, err error) {
	to = now.UTC()
	if text := r.Get("to"); text != "" {
		if to, err = time.Parse(time.DateOnly, text); err != nil {
			return from, to, badQuery("to is a day such as 2025-11-30, not %q", text)
		}
	}
	from = to.AddDate(0, 0, 1-analyticsDays)
	if text := r.Get("from"); text != "" {
		if from, err = time.Parse(time.DateOnly, text); err != nil {
			return from, to, badQuery("from is a day such as 2025-11-01, not %q", text)
		}
	}
	if from.After(to) || to.Sub(from) >= analyticsMost*24*time.Hour {
		return from, to, badQuery("from %s to %s: want 1 to %d days, in order", from.Format(time.DateOnly), to.Format(time.DateOnly), analyticsMost)
	}
	return from, to, nil
}

// Charts draws the days' events and users.
func (a activity) Charts() []template.HTML {
	events, users := make([]float64, len(a.Days)), make([]float64, len(a.Days))
	for i, day := range a.Days {
		events[i], users[i] = float64(day.TotalEvents), float64(usersOf(day))
	}
	label := func(value float64) string { return score(value) }
	return []template.HTML{
		chart("Events a day", []line{{"events", "s-done", events}}, a.From, a.To, label),
		chart("Different users a day", []line{{"users", "s-p95", users}}, a.From, a.To, label),
	}
}

// usersOf is how many users were seen on a day: exactly, where they are known one by one.
func usersOf(day analytics.Stats) int64 {
	if day.UniqueUsers > 0 {
		return day.UniqueUsers
	}
	return day.EstimatedUsers
}
