package cron_test

import (
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/cron"
)

// ticks returns the next n ticks of a spec after an instant.
func ticks(t *testing.T, spec, after string, n int) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, after)
	if err != nil {
		t.Fatal(err)
	}
	next, err := cron.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for range n {
		if at = next(at); at.IsZero() {
			break
		}
		found = append(found, at.Format(time.RFC3339))
	}
	return strings.Join(found, " ")
}

func TestSpecs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, after, want string }{
		{"*/15 * * * *", "2026-11-28T10:01:30Z", "2026-11-28T10:15:00Z 2026-11-28T10:30:00Z"},
		{"*/20 * * * * *", "2026-11-28T10:01:30Z", "2026-11-28T10:01:40Z 2026-11-28T10:02:00Z"},
		{"0 8 * * MON-FRI", "2026-11-27T08:00:00Z", "2026-11-30T08:00:00Z 2026-12-01T08:00:00Z"},
		{"0 0 13 * FRI", "2026-11-12T00:00:00Z", "2026-11-13T00:00:00Z 2026-11-20T00:00:00Z"}, // one of both is enough
		{"0 0 L * *", "2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z 2026-12-31T00:00:00Z"},
		{"0 0 * * FRI#2", "2026-11-28T00:00:00Z", "2026-12-11T00:00:00Z 2027-01-08T00:00:00Z"},
		{"0 0 29 2 *", "2026-11-28T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"},
		{"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z 2108-02-29T00:00:00Z"},
		{"@daily", "2026-11-28T10:00:00Z", "2026-11-29T00:00:00Z 2026-11-30T00:00:00Z"},
		{"@hourly", "2026-11-28T10:00:00Z", "2026-11-28T11:00:00Z 2026-11-28T12:00:00Z"},
		{"@every 90s", "2026-11-28T10:00:00.7Z", "2026-11-28T10:01:30Z 2026-11-28T10:03:00Z"},
		{"@every 7h", "1969-12-31T20:00:00Z", "1970-01-01T00:00:00Z 1970-01-01T07:00:00Z"},
		{"CRON_TZ=Asia/Kolkata 30 9 * * *", "2026-11-28T04:00:00Z", "2026-11-29T09:30:00+05:30 2026-11-30T09:30:00+05:30"},
		{"TZ=Asia/Kolkata @daily", "2026-11-28T04:00:00Z", "2026-11-29T00:00:00+05:30 2026-11-30T00:00:00+05:30"},
		{" 5  4 * * * ", "2026-11-28T04:00:00Z", "2026-11-28T04:05:00Z 2026-11-29T04:05:00Z"},
	} {
		if got := ticks(t, c.spec, c.after, 2); got != c.want {
			t.Errorf("%s after %s:\ngot  %s\nwant %s", c.spec, c.after, got, c.want)
		}
	}
}

func TestWhatIsNoSpec(t *testing.T) {
	t.Parallel()
	for spec, why := range map[string]string{
		"": "empty", "* * * *": "expected", "61 * * * *": "61", "* * * * * * *": "expected", "0 0 30 2 *": "no tick, ever",
		"CRON_TZ=Mars/Base * * * * *": "Mars/Base", "CRON_TZ=Local * * * * *": "must be named",
		"CRON_TZ= * * * * *": "must be named", "CRON_TZ=UTC": "empty", "CRON_TZ=UTC TZ=UTC * * * * *": "two time zones",
		"@every 1ms": "whole seconds", "@every 1.5s": "whole seconds", "@every -5s": "whole seconds",
		"@every 9000h": "366 days", "@every soon": "invalid duration", "@reboot": "descriptor", "H * * * *": "H",
		strings.Repeat("1,", 200) + "1 * * * *": "at most 256",
	} {
		_, err := cron.Parse(spec)
		if err == nil || !strings.Contains(err.Error(), why) || !strings.HasPrefix(err.Error(), "cron: ") {
			t.Errorf("%q: %v, want something with %q", spec, err, why)
		}
	}
}

// The hours in which clocks are set forward and back, in three zones: by one hour in the north, on other days, and by
// half an hour in the south.
func TestDaylightSaving(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, spec, after, want string }{
		// Europe/Zurich, 2026-03-29: 02:00 becomes 03:00. A time in between is the next instant, once.
		{
			"Europe/Zurich", "30 2 * * *", "2026-03-27T12:00:00+01:00",
			"2026-03-28T02:30:00+01:00 2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00",
		},
		{
			"Europe/Zurich", "*/30 2,3 * * *", "2026-03-28T12:00:00+01:00",
			"2026-03-29T03:00:00+02:00 2026-03-29T03:30:00+02:00 2026-03-30T02:00:00+02:00",
		},
		{
			"Europe/Zurich", "59 59 1 * * *", "2026-03-28T12:00:00+01:00",
			"2026-03-29T01:59:59+01:00 2026-03-30T01:59:59+02:00 2026-03-31T01:59:59+02:00",
		},
		{
			"Europe/Zurich", "0,30 * * * *", "2026-03-29T01:15:00+01:00",
			"2026-03-29T01:30:00+01:00 2026-03-29T03:00:00+02:00 2026-03-29T03:30:00+02:00",
		},
		// 2026-10-25: 03:00 becomes 02:00. A time that exists twice counts the first time.
		{
			"Europe/Zurich", "30 2 * * *", "2026-10-24T12:00:00+02:00",
			"2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00 2026-10-27T02:30:00+01:00",
		},
		{
			"Europe/Zurich", "*/30 2,3 * * *", "2026-10-25T02:15:00+02:00",
			"2026-10-25T02:30:00+02:00 2026-10-25T03:00:00+01:00 2026-10-25T03:30:00+01:00",
		},
		{
			"Europe/Zurich", "*/30 2,3 * * *", "2026-10-25T02:15:00+01:00", // in the second of the two hours
			"2026-10-25T03:00:00+01:00 2026-10-25T03:30:00+01:00 2026-10-26T02:00:00+01:00",
		},
		// Without an hour it goes on through both.
		{
			"Europe/Zurich", "0,30 * * * *", "2026-10-25T02:15:00+02:00",
			"2026-10-25T02:30:00+02:00 2026-10-25T02:00:00+01:00 2026-10-25T02:30:00+01:00",
		},
		// America/New_York, 2026-03-08 and 2026-11-01, both at 02:00.
		{
			"America/New_York", "15 2 * * *", "2026-03-07T12:00:00-05:00",
			"2026-03-08T03:00:00-04:00 2026-03-09T02:15:00-04:00 2026-03-10T02:15:00-04:00",
		},
		{
			"America/New_York", "15 1 * * *", "2026-10-31T12:00:00-04:00",
			"2026-11-01T01:15:00-04:00 2026-11-02T01:15:00-05:00 2026-11-03T01:15:00-05:00",
		},
		{
			"America/New_York", "0 0 * * *", "2026-10-31T12:00:00-04:00",
			"2026-11-01T00:00:00-04:00 2026-11-02T00:00:00-05:00 2026-11-03T00:00:00-05:00",
		},
		{
			"America/New_York", "@hourly", "2026-11-01T00:30:00-04:00",
			"2026-11-01T01:00:00-04:00 2026-11-01T01:00:00-05:00 2026-11-01T02:00:00-05:00",
		},
		// Australia/Lord_Howe, by half an hour: 2026-10-04 02:00 becomes 02:30, 2026-04-05 02:00 becomes 01:30.
		{
			"Australia/Lord_Howe", "10 2 * * *", "2026-10-03T12:00:00+10:30",
			"2026-10-04T02:30:00+11:00 2026-10-05T02:10:00+11:00 2026-10-06T02:10:00+11:00",
		},
		{
			"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00",
			"2026-04-05T01:45:00+11:00 2026-04-06T01:45:00+10:30 2026-04-07T01:45:00+10:30",
		},
		{
			"Australia/Lord_Howe", "*/15 * * * *", "2026-04-05T01:40:00+11:00",
			"2026-04-05T01:45:00+11:00 2026-04-05T01:30:00+10:30 2026-04-05T01:45:00+10:30",
		},
		// Pacific/Apia had no 30 December 2011.
		{
			"Pacific/Apia", "0 12 * * *", "2011-12-29T11:00:00-10:00",
			"2011-12-29T12:00:00-10:00 2011-12-31T00:00:00+14:00 2011-12-31T12:00:00+14:00",
		},
	} {
		if got := ticks(t, "CRON_TZ="+c.zone+" "+c.spec, c.after, 3); got != c.want {
			t.Errorf("%s in %s after %s:\ngot  %s\nwant %s", c.spec, c.zone, c.after, got, c.want)
		}
	}
}

// Whatever is a spec, its ticks go forward.
func FuzzParse(f *testing.F) {
	for _, spec := range []string{
		"* * * * *", "*/7 1-3,9 L 2/3 FRI#2", "CRON_TZ=Europe/Zurich 30 2 * * *", "@every 90s", "0 0 29 2 *",
		"TZ=UTC @weekly",
		"CRON_TZ=Australia/Lord_Howe */10 2 * * *", "0 0 15W * *",
	} {
		f.Add(spec, int64(1_774_746_000))
	}
	f.Fuzz(func(t *testing.T, spec string, unix int64) {
		at := time.Unix(unix%253_402_300_800, 0)
		next, err := cron.Parse(spec)
		if err != nil {
			return
		}
		for range 3 {
			tick := next(at)
			if tick.IsZero() {
				return
			}
			if !tick.After(at) || tick.Nanosecond() != 0 {
				t.Fatalf("%q: %s after %s", spec, tick, at)
			}
			at = tick
		}
	})
}
