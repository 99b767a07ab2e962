package queue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

func scheduleOf(t *testing.T, spec string) schedule {
	t.Helper()
	next, err := cron.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return schedule{next}
}

// seconds writes a plan as seconds since 1970.
func (p cronPlan) seconds() string {
	var words []string
	for _, at := range p.ticks {
		words = append(words, fmt.Sprint(at.Unix()))
	}
	if !p.missed.IsZero() {
		words = append(words, fmt.Sprintf("missed %d", p.missed.Unix()))
	}
	if !p.next.IsZero() {
		words = append(words, fmt.Sprintf("next %d", p.next.Unix()))
	}
	return strings.Join(words, " ")
}

func TestWhichTicksAreEnqueued(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spec    string
		tick, now     float64
		catchUp       int
		overlap, want string
		held          bool
		jitter        time.Duration
	}{
		{name: "in time", spec: "@every 10s", tick: 100, now: 100, want: "100 next 110"},
		{name: "late", spec: "@every 10s", tick: 100, now: 104.9, want: "100 next 110"},
		{name: "not due", spec: "@every 10s", tick: 100, now: 99.9, want: "next 100"},
		{name: "no tick", spec: "@every 10s", now: 99.9, want: "next 100"},
		{name: "missed", spec: "@every 10s", tick: 100, now: 105, want: "missed 100 next 110"},
		{name: "missed, one", spec: "@every 10s", tick: 100, now: 105, catchUp: 1, want: "100 next 110"},
		{name: "some missed", spec: "@every 10s", tick: 100, now: 146, want: "missed 100 next 150"},
		{name: "some missed, one", spec: "@every 10s", tick: 100, now: 146, catchUp: 1, want: "140 missed 100 next 150"},
		{name: "some missed, all", spec: "@every 10s", tick: 100, now: 146, catchUp: 5, want: "100 110 120 130 140 next 150"},
		{name: "missed, and one in time", spec: "@every 10s", tick: 100, now: 121, want: "120 missed 100 next 130"},
		{
			name: "missed up to three, and one in time", spec: "@every 10s", tick: 100, now: 151, catchUp: 3,
			want: "120 130 140 150 missed 100 next 160",
		},
		{name: "missed for years", spec: "@every 1s", tick: 100, now: 1e9 + 0.5, catchUp: 2, want: "999999994 999999995 " +
			"999999996 999999997 999999998 999999999 1000000000 missed 100 next 1000000001"},
		{
			name: "with jitter", spec: "@every 10s", tick: 100, now: 124, jitter: 20 * time.Second,
			want: "100 110 120 next 130",
		},
		{
			name: "queued, of several", spec: "@every 10s", tick: 100, now: 146, catchUp: 9, overlap: "queue",
			want: "140 next 150",
		},
		{name: "held", spec: "@every 10s", tick: 100, now: 300, held: true, overlap: "queue", want: "300 next 310"},
		{name: "its spec has changed", spec: "@every 10s", tick: 103, now: 104, want: "103 next 110"},
	} {
		at := func(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }
		state := wire.CronState{Held: c.held}
		if c.tick > 0 {
			state.Tick = at(c.tick)
		}
		e := wire.CronEntry{CatchUp: c.catchUp, Overlap: c.overlap, Jitter: c.jitter.Milliseconds()}
		if got := scheduleOf(t, c.spec).plan(state, &e, at(c.now)).seconds(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// What is too much for one go stays due, until all is enqueued once.
func TestAPlanIsBounded(t *testing.T) {
	t.Parallel()
	s, e := scheduleOf(t, "@every 1s"), wire.CronEntry{CatchUp: 1000}
	state, now := wire.CronState{Tick: time.Unix(1000, 0)}, time.Unix(5000, 0)
	var ticks []time.Time
	for state.Tick.Unix() <= now.Unix() {
		p := s.plan(state, &e, now)
		if len(p.ticks) == 0 || len(p.ticks) > cronJobs {
			t.Fatalf("%d ticks in one go", len(p.ticks))
		}
		ticks, state.Tick = append(ticks, p.ticks...), p.next
		now = now.Add(100 * time.Millisecond)
	}
	if len(ticks) < 1000 || len(ticks) > 1010 {
		t.Errorf("%d ticks from %d on", len(ticks), ticks[0].Unix())
	}
	for n, at := range ticks {
		if at.Unix() != ticks[0].Unix()+int64(n) {
			t.Fatalf("tick %d is %d", n, at.Unix())
		}
	}
	e.Data = make([]byte, 60<<10)
	if p := s.plan(wire.CronState{Tick: time.Unix(1000, 0)}, &e, now); len(p.ticks) != 4 {
		t.Errorf("%d ticks of 60 KiB each in one go", len(p.ticks))
	}
}
