package cron

import (
	"time"

	library "github.com/netresearch/go-cron"
)

// anyHour is the bit by which the library notes that a field is "*".
const anyHour = 1 << 63

// inZone returns the ticks of a spec's fields in a zone.
//
// Why: docs/decisions/engine.md#a-spec-is-read-as-clocks-on-the-wall-show-it
func inZone(fields library.SpecSchedule, zone *time.Location) func(time.Time) time.Time {
	if fields.Hour&anyHour != 0 {
		fields.Location = zone
		return func(after time.Time) time.Time { return fields.Next(after.In(zone)) }
	}
	// Next is asked for what clocks on the wall show, as if they were never set.
	fields.Location = time.UTC
	return func(after time.Time) time.Time {
		shown := onWall(after.In(zone))
		for {
			if shown = fields.Next(shown); shown.IsZero() {
				return shown
			}
			if at := instantOf(shown, zone); at.After(after) {
				return at
			}
		}
	}
}

// onWall is what a clock on the wall shows at an instant, as a time of UTC.
func onWall(at time.Time) time.Time {
	_, offset := at.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// farthest is further than any zone is from UTC: so far around it there is one change of the clocks at the most.
const farthest = 16 * time.Hour

// instantOf is when clocks on the wall of a zone show a time: for the first time if they do so twice, and the next
// instant after those that they leave out if they never do.
func instantOf(shown time.Time, zone *time.Location) time.Time {
	before, after := shown.Add(-farthest).In(zone), shown.Add(farthest).In(zone)
	for _, around := range []time.Time{before, after} {
		_, offset := around.Zone()
		at := shown.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, there := at.Zone(); there == offset {
			return at
		}
	}
	_, change := before.ZoneBounds()
	return change
}
