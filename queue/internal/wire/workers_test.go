package wire_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

func (s *store) beat(h wire.Heartbeat) (wire.HeartbeatReply, error) {
	h.Lease, h.Caretaker, h.At = time.Hour, wire.LongestTerm, time.Unix(7200, 0)
	return wire.Beat(s.Context(), s.rdb, s.q, &h)
}

func TestHeartbeatsBringTheCaretakerItsChores(t *testing.T) {
	t.Parallel()
	s := held(t, 3)
	s.join("w#2")
	s.park(wire.ParkReleased, "3-1")
	s.must(s.rdb.XGroupCreateConsumer(t.Context(), s.q.Stream, s.q.Group, "stray").Err())
	s.must(s.rdb.Do(t.Context(), "XCLAIM", s.q.Stream, s.q.Group, "stray", 0, "2-1", "JUSTID").Err())
	s.must(s.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: s.q.Stream, Values: []string{"kind", "mail"}}).Err()) // waits
	s.endLease("gone#1")
	s.must(s.rdb.HSet(t.Context(), s.q.Cancelled(), "1-1", "{}").Err())
	if found, err := wire.Command(t.Context(), s.rdb, s.q, "w#1", wire.CommandStop, "ann b"); !found || err != nil {
		t.Fatalf("command: %t, %v", found, err)
	}
	r, err := s.beat(wire.Heartbeat{Consumer: "w#1",
		Fields: wire.HeartbeatFields(2, []wire.EntryRef{ref("1-1"), ref("2-1")}, wire.WorkerQuiet, wire.Holds{}),
		Period: []any{"done", 2}, Total: []any{"done", 2, "done:mail", 2}})
	s.must(err)
	if !r.Caretaker || r.Parked != 1 || r.Paused || r.Cancels != 1 ||
		!slices.Equal(r.Ended, []string{"gone#1"}) || !slices.Equal(r.Strays, []string{"stray"}) {
		t.Errorf("the caretaker is sent %+v", r)
	}
	if command, at, by := wire.ReadCommand(r.Command); command != wire.CommandStop || at/1000-r.Now > 0 || by != "ann b" {
		t.Errorf("the command is %q, %d, %q at %d", command, at, by, r.Now)
	}
	s.must(s.rdb.Set(t.Context(), s.q.Paused(), "{}", 0).Err())
	r, err = s.beat(wire.Heartbeat{Consumer: "w#2", Period: []any{"done", 1}})
	if err != nil || r.Caretaker || len(r.Ended)+len(r.Strays) != 0 || !r.Paused || r.Command != "" || r.Parked != 1 {
		t.Errorf("another worker is sent %+v, %v", r, err)
	}
	for _, c := range []struct{ key, want string }{
		{s.q.Minute(time.Unix(7200, 0)), "done=3 in_flight=3 waiting=1"},
		{s.q.Hour(time.Unix(7200, 0)), "done=3 in_flight=3 waiting=1"},
		{s.q.Metrics(), "clock=NOW NOW done=2 done:mail=2"}, {s.q.Caretaker(), "w#1"},
	} {
		if got := clockTime.ReplaceAllString(s.value(c.key), "NOW"); got != c.want {
			t.Errorf("%s: %s, want %s", c.key, got, c.want)
		}
	}
	fields := s.rdb.HGetAll(t.Context(), s.q.Worker("w#1")).Val()
	got := wire.ReadRegistration("w#1", fields)
	if got.Running != 2 || len(got.Stuck) != 2 || got.State != wire.WorkerQuiet ||
		got.Worker != "w" || got.Lease != time.Hour {
		t.Errorf("the registration is %+v", got)
	}
}

func TestAWorkerWithoutARegistrationIsLost(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	s.must(s.rdb.Del(t.Context(), s.q.Worker("w#1")).Err())
	before := s.snapshot()
	if _, err := s.beat(wire.Heartbeat{Consumer: "w#1", Period: []any{"done", 1}}); !errors.Is(err, wire.ErrLost) {
		t.Errorf("heartbeat: %v", err)
	}
	if found, err := wire.Command(t.Context(), s.rdb, s.q, "w#1", wire.CommandWake, "ann"); found || err != nil {
		t.Errorf("command: %t, %v", found, err)
	}
	if after := s.snapshot(); after != before {
		t.Errorf("it has made\n%s\nof\n%s", after, before)
	}
}

func TestHeartbeatWithoutAGroup(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.must(s.rdb.XGroupDestroy(t.Context(), s.q.Stream, s.q.Group).Err())
	if r, err := s.beat(wire.Heartbeat{Consumer: "w#1"}); !r.Caretaker || r.Parked != 0 || err != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestJoinLeaseAndSweep(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.must(s.rdb.Set(t.Context(), s.q.Paused(), "{}", 0).Err())
	paused, err := wire.Join(t.Context(), s.rdb, s.q, "w#1", &wire.Registration{Worker: "w", Lease: 100 * time.Hour})
	if !paused || err != nil {
		t.Errorf("got %t, %v", paused, err)
	}
	s.endLease("w#0")
	before := s.rdb.ZScore(t.Context(), s.q.Workers(), "w#1").Val()
	s.must(s.rdb.ZIncrBy(t.Context(), s.q.Workers(), float64(7*time.Hour/time.Millisecond), "w#1").Err())
	for _, consumer := range []string{"w#1", "w#0", "w#9"} {
		s.must(wire.ShortenLease(t.Context(), s.rdb, s.q, consumer, time.Hour))
	}
	after := s.rdb.ZScore(t.Context(), s.q.Workers(), "w#1").Val()
	if late := time.Duration(after-before) * time.Millisecond; late < 0 || late > time.Minute {
		t.Errorf("a lease that ended 7 h too late ends %s later", late)
	}
	if ends := s.rdb.ZScore(t.Context(), s.q.Workers(), "w#0").Val(); ends != 1 {
		t.Errorf("one that had ended is %f", ends)
	}
	s.must(s.rdb.Del(t.Context(), s.q.Worker("w#1")).Err())
	s.must(wire.ShortenLease(t.Context(), s.rdb, s.q, "w#1", time.Minute))
	after = s.rdb.ZScore(t.Context(), s.q.Workers(), "w#1").Val()
	if left := time.Until(time.UnixMilli(int64(after))); left > 2*time.Minute {
		t.Errorf("a lease whose length nobody knows ends in %s", left)
	}
	s.add(1)
	s.read("busy", 1)
	for _, consumer := range []string{"busy", "idle", "w#1"} {
		s.must(s.rdb.XGroupCreateConsumer(t.Context(), s.q.Stream, s.q.Group, consumer).Err())
		s.must(wire.Sweep(t.Context(), s.rdb, s.q, consumer))
		s.must(wire.Sweep(t.Context(), s.rdb, s.q, consumer))
	}
	if got, want := s.value(s.q.Stream), "1-1(j-1) 1-1>busy×1 [busy w#1]"; got != want {
		t.Errorf("the stream is %s, want %s", got, want)
	}
}
