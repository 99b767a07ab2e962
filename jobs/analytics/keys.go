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

func dayOf(t time.Time) period   { return period(t.UTC().Format(time.DateOnly)) }
func monthOf(t time.Time) period { return period(t.UTC().Format(month)) }

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
func daysBetween(from, to time.Time) ([]period, error) {
	first, last := from.UTC().Truncate(24*time.Hour), to.UTC().Truncate(24*time.Hour)
	if last.Before(first) || last.Sub(first) >= MaxDays*24*time.Hour {
		return nil, fmt.Errorf("analytics: %w: from %s to %s: want 1 to %d days, in order", ErrInvalid, dayOf(from), dayOf(to), MaxDays)
	}
	var days []period
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		days = append(days, dayOf(day))
	}
	return days, nil
}
