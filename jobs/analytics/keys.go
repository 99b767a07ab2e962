package analytics

import (
	"fmt"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
)

// DefaultStream is the raw stream of events, as in the article.
const DefaultStream = "events:stream"

const month = "2006-01"

// period builds the keys of one day, YYYY-MM-DD, or one month, YYYY-MM.
type period string

// farAway is where events are counted that are too far from now to have a day of their own.
const farAway period = "far"

// civil is the day of t in the counter's time zone, as its midnight in UTC: a zone may have days without one.
func (c *Counter) civil(t time.Time) time.Time {
	year, month, day := t.In(c.cfg.Zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (c *Counter) dayOf(t time.Time) period   { return period(c.civil(t).Format(time.DateOnly)) }
func (c *Counter) monthOf(t time.Time) period { return period(c.civil(t).Format(month)) }

// placeOf is where an event of that time is counted.
func (c *Counter) placeOf(t time.Time) period {
	now := c.cfg.Now()
	if t.Before(now.AddDate(0, 0, -MaxDays)) || t.After(now.Add(MaxAhead)) {
		return farAway
	}
	return c.dayOf(t)
}

// lifetime is how long the counts of a period are kept after the last addition; 0 for as long as nobody expires them.
func (p period) lifetime() time.Duration {
	if p == farAway {
		return FarFor
	}
	return 0
}

func (p period) events() string { return "analytics:events:" + string(p) }
func (p period) users() string  { return "analytics:users:" + string(p) }

// estimate is in one slot for all periods, so that Redis itself can merge any of them. It is one small write for each
// batch of events.
func (p period) estimate() string { return "analytics:users:{hll}:" + string(p) }

func (p period) counted() string { return redisx.Companion(p.events(), "counted") }
func (p period) days() string    { return redisx.Companion(p.events(), "days") }
func (p period) firsts(event string) string {
	return redisx.Companion("analytics:firsts:"+string(p), event)
}

// daysBetween lists the days of a range, both ends included.
func (c *Counter) daysBetween(from, to time.Time) ([]period, error) {
	return civilDays(c.civil(from), c.civil(to))
}

func civilDays(first, last time.Time) ([]period, error) {
	if last.Before(first) || last.Sub(first) >= MaxDays*24*time.Hour {
		return nil, fmt.Errorf("analytics: %w: from %s to %s: want 1 to %d days, in order",
			ErrInvalid, first.Format(time.DateOnly), last.Format(time.DateOnly), MaxDays)
	}
	var days []period
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		days = append(days, period(day.Format(time.DateOnly)))
	}
	return days, nil
}
