package queue

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// tick is a job of a test's cron entries.
type tick struct{}

func (tick) Kind() string { return "k" }

// cronEngine is an engine that declares entries, by a clock of the test.
func cronEngine(t *testing.T, now *time.Time, entries ...CronEntry) *engine {
	t.Helper()
	return newEngine(t, func(c *WorkerConfig) {
		c.Now = func() time.Time { return *now }
		c.Cron = CronConfig{Parse: cron.Parse, Entries: entries, Version: 5}
	})
}

func every(name string, opts ...CronOption) CronEntry {
	return Cron(name, "@every 1s", tick{}, append(opts, On("orders"))...)
}

// enqueued returns the IDs of the jobs that wait, and takes them away.
func (e *engine) enqueuedJobs() string {
	e.Helper()
	var ids []string
	for _, entry := range e.rdb.XRange(e.Context(), e.queue.Stream, "-", "+").Val() {
		ids = append(ids, fmt.Sprint(entry.Values["id"]))
		e.must(e.rdb.XDel(e.Context(), e.queue.Stream, entry.ID).Err())
	}
	return strings.ReplaceAll(strings.Join(ids, " "), "cron:", "")
}

// doCron does the chore until nothing is due.
func (e *engine) doCron() {
	e.Helper()
	for e.chore(choreCron) == time.Nanosecond {
		continue
	}
}

func TestCronEntriesAreDeclaredAndEnqueued(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 5e8)
	e := cronEngine(t, &now, every("a", MaxAttempts(3)))
	if !e.hasOwnCrons() {
		t.Error("a worker that is not the caretaker does not declare")
	}
	if next := e.chore(choreCron); next != 500*time.Millisecond || e.hasOwnCrons() {
		t.Errorf("next in %s", next)
	}
	if jobs := e.enqueuedJobs(); jobs != "" {
		t.Errorf("enqueued too early: %s", jobs)
	}
	now = time.Unix(1001, 0)
	if next := e.chore(choreCron); next != time.Second {
		t.Errorf("next in %s", next)
	}
	entries := e.rdb.XRange(t.Context(), e.queue.Stream, "-", "+").Val()
	if len(entries) != 1 || fmt.Sprint(entries[0].Values) != `map[data:{} id:cron:a:1001000 kind:k `+
		`meta:{"guarded":true,"enqueued_ms":1001000,"max_attempts":3}]` {
		t.Errorf("entries %v", entries)
	}
	next, waiting := e.chore(choreCron), e.rdb.XLen(t.Context(), e.queue.Stream).Val()
	if next != time.Second || waiting != 1 {
		t.Error("enqueued twice")
	}
}

// Nobody was there for 30 seconds.
func TestMissedTicksAreMadeUpForAsTheEntrySays(t *testing.T) {
	t.Parallel()
	for catchUp, want := range map[int]string{
		0: "1026 1027 1028 1029 1030", 1: "1025 1026 1027 1028 1029 1030", 3: "1023 1024 1025 1026 1027 1028 1029 1030",
		1000: "1001 1002 1003 1004 1005 1006 1007 1008 1009 1010 1011 1012 1013 1014 1015 1016 1017 1018 1019 1020 1021 " +
			"1022 1023 1024 1025 1026 1027 1028 1029 1030",
	} {
		now := time.Unix(1000, 0)
		e := cronEngine(t, &now, every("a", CatchUp(catchUp)))
		e.doCron()
		now = time.Unix(1030, 0)
		e.doCron()
		got := strings.ReplaceAll(strings.ReplaceAll(e.enqueuedJobs()+" ", "a:", ""), "000 ", " ")
		if got != want+" " {
			t.Errorf("catch up %d: enqueued are %s", catchUp, got)
		}
	}
}

// More than one call takes is enqueued by several.
func TestManyTicksAreEnqueuedInLots(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	e := cronEngine(t, &now, every("a", CatchUp(1000)), every("b", CatchUp(1000)), every("c", CatchUp(1000)))
	e.doCron()
	now = time.Unix(1250, 0)
	e.doCron()
	if jobs := strings.Fields(e.enqueuedJobs()); len(jobs) != 3*250 {
		t.Errorf("%d jobs", len(jobs))
	}
}

func TestJitterEnqueuesLater(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	e := newEngine(t, func(c *WorkerConfig) {
		c.Now, c.Rand = func() time.Time { return now }, func() float64 { return 0.5 }
		c.Cron = CronConfig{Parse: cron.Parse, Entries: []CronEntry{
			Cron("a", "@every 1m", tick{}, On("orders"), Jitter(30*time.Second)),
		}}
	})
	e.doCron()
	for _, c := range []struct {
		at   int64
		want string
	}{{1034, ""}, {1035, "a:1020000"}, {1094, ""}, {1095, "a:1080000"}} {
		now = time.Unix(c.at, 0)
		e.doCron()
		if got := e.enqueuedJobs(); got != c.want {
			t.Errorf("at %d are enqueued %q", c.at, got)
		}
	}
}

// redeclare declares entries as a worker of another version does.
func (e *engine) redeclare(version int64, spec string) {
	e.Helper()
	other := newSubscription(e.w, "orders", e.cfg)
	entry := Cron("a", spec, tick{}, On("orders"))
	cfg := WorkerConfig{
		Queues: e.w.cfg.Queues, Cron: CronConfig{Parse: cron.Parse, Entries: []CronEntry{entry}, Version: version},
	}
	found, err := cfg.resolveCrons()
	e.must(err)
	other.declares = found["orders"]
	e.must(other.declareCrons(e.Context()))
}

func TestTheNewestDeclarationCounts(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	e := cronEngine(t, &now, every("a"))
	e.doCron()
	read := func() wire.CronEntry {
		t.Helper()
		text, err := wire.ReadCron(t.Context(), e.rdb, &e.queue, "a")
		e.must(err)
		entry, err := wire.DecodeCronEntry(text)
		e.must(err)
		return entry
	}
	next := func() int64 {
		return wire.ReadCronState(e.rdb.HGet(t.Context(), e.queue.CronState(), "a").Val()).Tick.Unix()
	}
	for _, c := range []struct {
		version    int64
		spec, want string
		next       int64
	}{
		{4, "@every 2s", "@every 1s", 1001}, // of before
		{5, "@every 1s", "@every 1s", 1001},
		{6, "@every 30s", "@every 30s", 1020},
		{5, "@every 1s", "@every 30s", 1020},
		{6, "@every 7s", "@every 7s", 1001},
	} {
		e.redeclare(c.version, c.spec)
		if entry := read(); entry.Spec != c.want || next() != c.next {
			t.Errorf("after version %d with %s: %s, next %d", c.version, c.spec, entry.Spec, next())
		}
	}
	edited := read()
	edited.Spec, edited.Edited = "@daily", wire.NewCronPerson(wire.Attribution{By: "olga", At: now})
	before, err := wire.ReadCron(t.Context(), e.rdb, &e.queue, "a")
	e.must(err)
	after, err := edited.Encode()
	e.must(err)
	e.must(wire.SetCron(t.Context(), e.rdb, &e.queue, &wire.CronChange{Name: "a", Before: before, After: after}))
	e.redeclare(9, "@every 1s")
	if entry := read(); entry.Spec != "@daily" || entry.Edited.By != "olga" {
		t.Errorf("what a person edited is %+v", entry)
	}
}

// A spec that this worker does not understand is looked at again later, and keeps no other entry back.
func TestASpecThatIsNotUnderstoodKeepsNothingBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	e := cronEngine(t, &now, every("a"))
	e.doCron()
	entry := wire.CronEntry{Spec: "of the future", Kind: "k", Data: []byte("{}")}
	text, err := entry.Encode()
	e.must(err)
	at := time.Unix(1000, 0)
	e.must(wire.SetCron(t.Context(), e.rdb, &e.queue,
		&wire.CronChange{Name: "odd", After: text, Reset: true, Next: at, Due: at}))
	now = time.Unix(1001, 0)
	if _, err := e.cron(t.Context()); err == nil || !strings.Contains(err.Error(), "cron entry odd") {
		t.Errorf("not reported: %v", err)
	}
	if jobs := e.enqueuedJobs(); jobs != "a:1001000" {
		t.Errorf("enqueued are %s", jobs)
	}
	due, err := e.rdb.ZScore(t.Context(), e.queue.CronNext(), "odd").Result()
	if e.must(err); due != 1061_000 {
		t.Errorf("looked at again at %.0f", due)
	}
}

func TestAHeartbeatArrangesTheChoreCron(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	e := cronEngine(t, &now)
	for name, c := range map[string]struct {
		reply  wire.HeartbeatReply
		signal bool
	}{
		"nothing":                    {reply: wire.HeartbeatReply{Caretaker: true}},
		"later":                      {reply: wire.HeartbeatReply{Caretaker: true, HasCron: true, NextCron: 2 * time.Second}},
		"due, and not the caretaker": {reply: wire.HeartbeatReply{HasCron: true, NextCron: -time.Second}},
		"overdue": {
			reply: wire.HeartbeatReply{HasCron: true, NextCron: -1001 * time.Millisecond}, signal: true,
		},
	} {
		e.applyCron(&c.reply)
		if got := len(e.choreDue[choreCron]) == 1; got != c.signal || e.hasOwnCrons() != c.signal {
			t.Errorf("%s: a signal is %t", name, got)
		}
		select {
		case <-e.choreDue[choreCron]:
		default:
		}
	}
	e.applyCron(&wire.HeartbeatReply{Caretaker: true, HasCron: true, NextCron: time.Millisecond})
	eventually(t, "the caretaker has the chore to do", func() bool { return len(e.choreDue[choreCron]) == 1 })
}

func TestWrongCronEntriesAreRefused(t *testing.T) {
	t.Parallel()
	for why, entry := range map[string]CronEntry{
		"must not be empty": Cron("", "@daily", tick{}, On("orders")),
		"100 bytes":         Cron(strings.Repeat("x", 101), "@daily", tick{}, On("orders")),
		"spec":              Cron("a", "daily", tick{}, On("orders")),
		"args are nil":      Cron("a", "@daily", nil, On("orders")),
		"one of the worker": Cron("a", "@daily", tick{}),
		"no raw stream":     Cron("a", "@daily", tick{}, On("raw")),
		"an option is nil":  Cron("a", "@daily", tick{}, On("orders"), nil),
		"catch up":          Cron("a", "@daily", tick{}, On("orders"), CatchUp(-1)),
		"jitter":            Cron("a", "@daily", tick{}, On("orders"), Jitter(-1)),
		"overlap":           Cron("a", "@daily", tick{}, On("orders"), Overlap("never")),
		"timeout":           Cron("a", "@daily", tick{}, On("orders"), Timeout(-1)),
		"limit is 65536":    Cron("a", "@daily", JSON("k", []byte(`"`+strings.Repeat("x", 65536)+`"`)), On("orders")),
		"two of that name":  every("twice"),
	} {
		c := WorkerConfig{
			Queues: map[string]QueueConfig{"orders": {}, "raw": {Raw: &Raw{Kind: "k"}}},
			Cron:   CronConfig{Parse: cron.Parse, Entries: []CronEntry{every("twice"), entry}},
		}
		if _, err := c.resolveCrons(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	c := WorkerConfig{Queues: map[string]QueueConfig{"orders": {}}, Cron: CronConfig{Entries: []CronEntry{every("a")}}}
	if _, err := c.resolveCrons(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "set Parse") {
		t.Errorf("without a parser: %v", err)
	}
}
