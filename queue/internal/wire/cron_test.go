package wire_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// putCron writes an entry whose next tick is at so many ms.
func (s *store) putCron(name string, e wire.CronEntry, tick int64) {
	s.Helper()
	e.Kind, e.Data = "mail", []byte(`{"a":1}`)
	text, err := e.Encode()
	s.must(err)
	at := time.UnixMilli(tick)
	s.must(wire.SetCron(s.Context(), s.rdb, s.q,
		&wire.CronChange{Name: name, After: text, Reset: true, Next: at, Due: at}))
}

// dueCron lists what is due at so many ms.
func (s *store) dueCron(now int64) []wire.CronDue {
	s.Helper()
	due, at, _, err := wire.DueCron(s.Context(), s.rdb, s.q, given(now), 100)
	s.must(err)
	if at.UnixMilli() != now {
		s.Errorf("the queue's time is %d, not %d", at.UnixMilli(), now)
	}
	return due
}

// tickCron enqueues ticks of an entry that is due, and sets the next one. It returns whether the entry had changed.
func (s *store) tickCron(now int64, due *wire.CronDue, next int64, ticks ...int64) bool {
	s.Helper()
	tick := wire.CronTick{CronDue: due, Next: time.UnixMilli(next), Due: time.UnixMilli(next)}
	for _, at := range ticks {
		tick.Ticks = append(tick.Ticks, time.UnixMilli(at))
	}
	changed, _, err := wire.TickCron(s.Context(), s.rdb, s.q, given(now), time.UnixMilli(now), []wire.CronTick{tick})
	s.must(err)
	return changed == 1
}

func TestATickOfACronEntry(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.putCron("daily", wire.CronEntry{Spec: "@daily"}, 5000)
	if due := s.dueCron(4999); len(due) != 0 {
		t.Fatalf("due too early: %+v", due)
	}
	due := s.dueCron(5000)
	if len(due) != 1 || due[0].Err != nil || due[0].Name != "daily" || due[0].State.Tick.UnixMilli() != 5000 {
		t.Fatalf("due: %+v", due)
	}
	if s.tickCron(5000, &due[0], 9000, 5000) {
		t.Fatal("it had changed")
	}
	want := `cron daily={"spec":"@daily","kind":"mail","data":{"a":1},"catch_up":0}
		cron:history:daily 5000 5000 enqueued
		cron:next daily:9000
		cron:state daily=2 9000 - cron:daily:5000
		ids cron:daily:5000=cron 3600000 stream:NOW
		stream NOW(cron:daily:5000 {"guarded":true,"enqueued_ms":5000}) []`
	s.holds("once", want)
	if !s.tickCron(5000, &due[0], 9000, 5000) {
		t.Error("a repeated call has an effect")
	}
	s.holds("again", want)
	if due := s.dueCron(5000); len(due) != 0 {
		t.Errorf("still due: %+v", due)
	}
}

func TestOfManyCallersOneEnqueuesATick(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.putCron("daily", wire.CronEntry{Spec: "@daily"}, 5000)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			due, now, _, err := wire.DueCron(t.Context(), s.rdb, s.q, given(5000), 100)
			if err != nil {
				t.Error(err)
			}
			for i := range due {
				tick := wire.CronTick{
					CronDue: &due[i], Ticks: []time.Time{now}, Next: time.UnixMilli(9000), Due: time.UnixMilli(9000),
				}
				if _, _, err := wire.TickCron(t.Context(), s.rdb, s.q, given(5000), now, []wire.CronTick{tick}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if order := s.order(); order != "cron:daily:5000" {
		t.Errorf("in the stream are %s", order)
	}
}

// An entry that a person changes between two calls is not enqueued as it was.
func TestATickOfAnEntryThatHasChangedIsNone(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.putCron("daily", wire.CronEntry{Spec: "@daily"}, 5000)
	due := s.dueCron(5000)
	before, err := wire.ReadCron(t.Context(), s.rdb, s.q, "daily")
	s.must(err)
	changed := due[0].Entry
	changed.Kind = "letter"
	after, err := changed.Encode()
	s.must(err)
	change := wire.CronChange{Name: "daily", Before: before, After: after}
	s.must(wire.SetCron(t.Context(), s.rdb, s.q, &change))
	if err := wire.SetCron(t.Context(), s.rdb, s.q, &change); !errors.Is(err, wire.ErrCronChanged) {
		t.Errorf("a change of what is not there any more: %v", err)
	}
	if !s.tickCron(5000, &due[0], 9000, 5000) || s.order() != "" {
		t.Errorf("enqueued as it was: %s", s.order())
	}
	if due = s.dueCron(5000); len(due) != 1 || due[0].Entry.Kind != "letter" {
		t.Errorf("due: %+v", due)
	}
	s.must(wire.SetCron(t.Context(), s.rdb, s.q, &wire.CronChange{Name: "daily", Before: after}))
	s.holds("deleted", "stream []")
}

// finish ends the job of the first entry of the stream.
func (s *store) finish(consumer string) {
	s.Helper()
	entry := s.rdb.XRange(s.Context(), s.q.Stream, "-", "+").Val()[0]
	s.read(consumer, 1)
	s.must(s.rdb.XAck(s.Context(), s.q.Stream, s.q.Group, entry.ID).Err())
	s.must(s.rdb.XDel(s.Context(), s.q.Stream, entry.ID).Err())
}

func TestOverlaps(t *testing.T) {
	t.Parallel()
	for overlap, want := range map[string]struct{ waiting, history, state string }{
		wire.OverlapAllow: {
			"cron:x:5000 cron:x:6000", "6000 6000 enqueued, 5000 5000 enqueued", "3 7000 - cron:x:5000 cron:x:6000",
		},
		wire.OverlapSkip:  {"cron:x:5000", "6000 6000 skipped, 5000 5000 enqueued", "3 7000 - cron:x:5000"},
		wire.OverlapQueue: {"cron:x:5000", "5000 5000 enqueued", "3 6000 held cron:x:5000"},
	} {
		s := newStore(t)
		s.putCron("x", wire.CronEntry{Spec: "@every 1s", Overlap: overlap}, 5000)
		for now := int64(5000); now <= 6000; now += 1000 {
			s.tickCron(now, &s.dueCron(now)[0], now+1000, now)
		}
		history := s.value(s.q.CronHistory("x"))
		state := s.rdb.HGet(t.Context(), s.q.CronState(), "x").Val()
		if s.order() != want.waiting || history != want.history || state != want.state {
			t.Errorf("%q: waiting are %s, history %s, state %s", overlap, s.order(), history, state)
		}
		s.finish("w#1")
		if overlap != wire.OverlapQueue {
			continue
		}
		due := s.dueCron(7000)
		if len(due) != 1 || !due[0].State.Held || due[0].State.Tick.UnixMilli() != 6000 {
			t.Fatalf("held back: %+v", due)
		}
		s.tickCron(7000, &due[0], 8000, 7000)
		if s.order() != "cron:x:7000" {
			t.Errorf("after the job has ended are waiting: %s", s.order())
		}
	}
}

// A job that has an ID of that form already is not enqueued again.
func TestATickWhoseJobIsThereIsADuplicate(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if got := s.enqueueAll(chosen("cron:x:5000", "a")); got != "ok" {
		t.Fatal(got)
	}
	s.putCron("x", wire.CronEntry{Spec: "@every 1s"}, 5000)
	s.tickCron(5000, &s.dueCron(5000)[0], 6000, 5000)
	if history := s.value(s.q.CronHistory("x")); s.order() != "cron:x:5000" || history != "5000 5000 duplicate" {
		t.Errorf("in the stream are %s; history %s", s.order(), history)
	}
}

func TestAHistoryIsBoundedAndStopsNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.putCron("x", wire.CronEntry{Spec: "@every 1s"}, 5000)
	ticks := make([]int64, 150)
	for i := range ticks {
		ticks[i] = 5000 + int64(i)
	}
	s.tickCron(6000, &s.dueCron(6000)[0], 7000, ticks...)
	if n := s.rdb.LLen(t.Context(), s.q.CronHistory("x")).Val(); n != 100 {
		t.Errorf("%d are kept", n)
	}
	if state := s.rdb.HGet(t.Context(), s.q.CronState(), "x").Val(); strings.Count(state, "cron:x:") != 10 {
		t.Errorf("the state is %s", state)
	}
	s.must(s.rdb.Set(t.Context(), s.q.CronHistory("x"), "damage", 0).Err())
	if s.tickCron(7000, &s.dueCron(7000)[0], 8000, 7000); !strings.HasSuffix(s.order(), " cron:x:7000") {
		t.Errorf("in the stream are %s", s.order())
	}
}

// What is damaged stands in the way of nothing.
func TestDamagedCronEntries(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.must(s.rdb.ZAdd(t.Context(), s.q.CronNext(), redis.Z{Score: 1, Member: "gone"}).Err())
	s.must(s.rdb.ZAdd(t.Context(), s.q.CronNext(), redis.Z{Score: 2, Member: "text"}).Err())
	s.must(s.rdb.HSet(t.Context(), s.q.Cron(), "text", "damage").Err())
	due := s.dueCron(5000)
	if len(due) != 1 || due[0].Err == nil || due[0].Name != "text" {
		t.Fatalf("due: %+v", due)
	}
	if s.tickCron(5000, &due[0], 65_000) || len(s.dueCron(5000)) != 0 {
		t.Error("it is due all the time")
	}
	s.holds("afterwards", `cron text=damage
		cron:next text:65000
		cron:state text=1 65000 -
		stream []`)
}

func TestTooManyCronEntriesAreRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	fields := make([]any, 0, 2*wire.MaxCronEntries)
	for n := range wire.MaxCronEntries {
		fields = append(fields, n, "{}")
	}
	s.must(s.rdb.HSet(t.Context(), s.q.Cron(), fields...).Err())
	err := wire.SetCron(t.Context(), s.rdb, s.q, &wire.CronChange{Name: "x", After: "{}"})
	if !errors.Is(err, wire.ErrManyCrons) {
		t.Errorf("one more: %v", err)
	}
	s.must(wire.SetCron(t.Context(), s.rdb, s.q, &wire.CronChange{Name: "7", Before: "{}", After: `{"spec":"@daily"}`}))
}

func TestRunCron(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.putCron("x", wire.CronEntry{Spec: "@daily", Meta: wire.Meta{MaxAttempts: 3}}, 5000)
	text, err := wire.ReadCron(t.Context(), s.rdb, s.q, "x")
	s.must(err)
	e, err := wire.DecodeCronEntry(text)
	s.must(err)
	for range 2 { // the call may be sent twice
		id, err := wire.RunCron(t.Context(), s.rdb, s.q, "x", text, &e, time.UnixMilli(4000))
		if err != nil || id != "cron:x:run:4000" {
			t.Errorf("%s, %v", id, err)
		}
	}
	s.holds("run", `cron x=`+text+`
		cron:history:x NOW NOW run
		cron:next x:5000
		cron:state x=2 5000 - cron:x:run:4000
		ids cron:x:run:4000=cron 3600000 stream:NOW
		stream NOW(cron:x:run:4000 {"guarded":true,"enqueued_ms":4000,"max_attempts":3}) []`)
	_, err = wire.RunCron(t.Context(), s.rdb, s.q, "x", "another", &e, time.Now())
	if !errors.Is(err, wire.ErrCronChanged) {
		t.Errorf("of another entry: %v", err)
	}
}
