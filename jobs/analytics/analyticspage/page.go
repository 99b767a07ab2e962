// Package analyticspage is the dashboard's page of what was counted: events and users by day.
package analyticspage

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/jobs/analytics"
)

const (
	daysShown  = 14 // unless others are asked for
	daysMost   = 31 // to count the users of all days together, Redis takes 20 µs for each
	namesShown = 50 // names of events that are listed, the most frequent first
)

//go:embed page.html
var html string

// New returns the page of what was counted in Redis, in days of the zone in config.
func New(rdb redis.UniversalClient, config analytics.Config) dashboard.Page {
	zone := cmp.Or(config.Zone, time.UTC)
	return dashboard.Page{
		Path: "/analytics", Title: "Analytics", Key: "a",
		Template: html, Funcs: template.FuncMap{"usersOf": usersOf, "zone": zone.String},
		Query: []string{"from", "to"},
		Load:  page{analytics.New(rdb, config), zone}.load,
	}
}

type page struct {
	counter *analytics.Counter
	zone    *time.Location
}

// activity is what was counted on some days.
type activity struct {
	analytics.Range
	Frequent []frequency `json:"-"`
	Names    int         `json:"event_names"` // how many there are
	Far      int64       `json:"far_events"`  // too far from now to have a day, of all days
}

// frequency is how often an event was counted.
type frequency struct {
	Event string
	Count int64
}

func (p page) load(ctx context.Context, r *dashboard.Request) (any, error) {
	from, to, err := p.days(r)
	if err != nil {
		return nil, err
	}
	counted, err := p.counter.Range(ctx, from, to)
	if errors.Is(err, analytics.ErrInvalid) {
		return nil, dashboard.BadRequest("%w", err)
	}
	if err != nil {
		return nil, err
	}
	far, err := p.counter.Far(ctx)
	if err != nil {
		return nil, err
	}
	a := activity{Range: counted, Names: len(counted.Events), Far: far.TotalEvents}
	for event, n := range counted.Events {
		a.Frequent = append(a.Frequent, frequency{event, n})
	}
	slices.SortFunc(a.Frequent, func(x, y frequency) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Event, y.Event))
	})
	a.Frequent = a.Frequent[:min(len(a.Frequent), namesShown)]
	return a, nil
}

// days reads from and to: the last ones unless others are asked for. Noon is in the day that is meant, whatever the
// zone does to its clocks.
func (p page) days(r *dashboard.Request) (from, to time.Time, err error) {
	noon := func(day time.Time) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, p.zone)
	}
	to = noon(r.Now.In(p.zone))
	if text := r.Get("to"); text != "" {
		if to, err = time.Parse(time.DateOnly, text); err != nil {
			return from, to, dashboard.BadRequest("to is a day such as 2025-11-30, not %q", text)
		}
		to = noon(to)
	}
	from = to.AddDate(0, 0, 1-daysShown)
	if text := r.Get("from"); text != "" {
		if from, err = time.Parse(time.DateOnly, text); err != nil {
			return from, to, dashboard.BadRequest("from is a day such as 2025-11-01, not %q", text)
		}
		from = noon(from)
	}
	if from.After(to) || !to.Before(from.AddDate(0, 0, daysMost)) {
		return from, to, dashboard.BadRequest("from %s to %s: want 1 to %d days, in order",
			from.Format(time.DateOnly), to.Format(time.DateOnly), daysMost)
	}
	return from, to, nil
}

// Charts draws the days' events and users.
func (a activity) Charts() []template.HTML {
	events, users := make([]float64, len(a.Days)), make([]float64, len(a.Days))
	for i, day := range a.Days {
		events[i], users[i] = float64(day.TotalEvents), float64(usersOf(day))
	}
	draw := func(title string, line dashboard.Line) template.HTML {
		return dashboard.Chart(title, []dashboard.Line{line}, a.From, a.To, number)
	}
	return []template.HTML{
		draw("Events a day", dashboard.Line{Name: "events", Class: "s-done", Values: events}),
		draw("Different users a day", dashboard.Line{Name: "users", Class: "s-p95", Values: users}),
	}
}

// number writes a label of an axis without an exponent if it has few digits.
func number(value float64) string {
	if value < 1e15 {
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}

// usersOf is how many users were seen on a day: exactly, if they are known one by one.
func usersOf(day analytics.Stats) int64 {
	if day.UniqueUsers > 0 {
		return day.UniqueUsers
	}
	return day.EstimatedUsers
}
