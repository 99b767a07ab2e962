// Package cron reads the specs of cron entries: it gives [queue.CronConfig] its Parse. It is a package of its own
// because of what it depends on, a parser and the time zones of the world; a program without cron has neither.
//
// A spec has five fields: minute, hour, day of the month, month and day of the week; with six the first is the second.
// Fields have lists, ranges and steps, names such as MON and JAN, L for the last day of a month and FRI#2 for its
// second Friday. In place of fields stand @yearly, @monthly, @weekly, @daily, @hourly or, with a duration,
// "@every 90s". "CRON_TZ=Europe/Zurich 0 8 * * MON-FRI" is in that zone; without it a spec is in UTC. Where both days
// are restricted, one of them is enough, as cron has it everywhere.
//
// When clocks are set forward, a time that does not exist is the next instant that does. When they are set back, a time
// that exists twice counts once, the first time; a spec that names no hour ("*") goes on through both hours. @every
// counts from 1970: the ticks of "@every 6h" are at 0, 6, 12 and 18 o'clock UTC, whoever counts and since when.
package cron

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a machine may have no time zones

	library "github.com/netresearch/go-cron"
)

// MaxSpec is how long a spec may be, in bytes.
const MaxSpec = 256

// parser is safe for concurrent use. Of a spec without a year the rarest tick comes within 40 years: 29 February on a
// given day of the week.
var parser = library.MustNewParser(library.SecondOptional | library.Minute | library.Hour | library.Dom |
	library.Month | library.Dow | library.Descriptor | library.Extended | library.DowOrDom).WithMaxSearchYears(40)

// Parse reads a spec. It returns the function that gives the first tick after an instant, in the spec's zone. A spec
// that never has a tick, such as 30 February, is an error.
func Parse(spec string) (next func(after time.Time) time.Time, err error) {
	if len(spec) > MaxSpec {
		return nil, fmt.Errorf("cron: a spec of %d bytes: at most %d", len(spec), MaxSpec)
	}
	if next, err = parse(strings.TrimSpace(spec)); err != nil {
		return nil, fmt.Errorf("cron: spec %q: %w", spec, err)
	}
	if next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("cron: spec %q: has no tick, ever", spec)
	}
	return next, nil
}

func parse(spec string) (func(time.Time) time.Time, error) {
	zone, rest, err := splitZone(spec)
	if err != nil {
		return nil, err
	}
	if text, is := strings.CutPrefix(rest, "@every "); is {
		return every(strings.TrimSpace(text), zone)
	}
	if strings.HasPrefix(rest, "TZ=") || strings.HasPrefix(rest, "CRON_TZ=") {
		return nil, errors.New("two time zones")
	}
	schedule, err := parser.Parse(rest)
	if err != nil {
		return nil, err
	}
	fields, ok := schedule.(*library.SpecSchedule)
	if !ok {
		return nil, errors.New("not understood")
	}
	return inZone(*fields, zone), nil
}

// every returns the multiples of a duration since 1970.
func every(text string, zone *time.Location) (func(time.Time) time.Time, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return nil, err
	case d < time.Second || d%time.Second != 0 || d > 366*24*time.Hour:
		return nil, fmt.Errorf("@every %s: must be whole seconds, at most 366 days", d)
	}
	step := int64(d / time.Second)
	return func(after time.Time) time.Time {
		at := after.Unix()
		rest := at % step
		if rest < 0 {
			rest += step
		}
		return time.Unix(at-rest+step, 0).In(zone)
	}, nil
}

// zones keeps the time zones that were asked for: reading one takes longer than all else.
var zones sync.Map

// splitZone takes the time zone from the beginning of a spec; it is UTC if there is none.
func splitZone(spec string) (zone *time.Location, rest string, err error) {
	name, is := strings.CutPrefix(spec, "CRON_TZ=")
	if !is {
		name, is = strings.CutPrefix(spec, "TZ=")
	}
	if !is {
		return time.UTC, spec, nil
	}
	name, rest, _ = strings.Cut(name, " ")
	if name == "" || name == "Local" {
		return nil, "", fmt.Errorf("time zone %q: must be named, such as Europe/Zurich", name)
	}
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), strings.TrimSpace(rest), nil
	}
	if zone, err = time.LoadLocation(name); err != nil {
		return nil, "", err
	}
	zones.Store(name, zone)
	return zone, strings.TrimSpace(rest), nil
}
