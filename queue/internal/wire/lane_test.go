package wire_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// twoLanes returns a store with the entries 1-1 and 2-1 in flight with w#1, in the normal lane and in the high one: the
// jobs j-1 and j-2 there, other jobs here.
func twoLanes(t *testing.T) (normal, high *store) {
	t.Helper()
	normal = held(t, 2)
	in := normal.q.In(wire.HighLane)
	high = &store{T: t, rdb: normal.rdb, q: &in}
	high.must(high.rdb.XGroupCreateMkStream(t.Context(), in.Stream, in.Group, "0").Err())
	for _, n := range []string{"1", "2"} {
		high.must(high.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: in.Stream, ID: n + "-1", Values: []string{
			"id", "j-" + n, "kind", "mail", "data", "{}",
		}}).Err())
	}
	high.join("w#1")
	high.read("w#1", 2)
	return normal, high
}

// lane is all that Redis has of a lane's entries.
func (s *store) lane() string {
	s.Helper()
	text := s.value(s.q.Stream)
	for _, key := range []string{s.q.Cancelled(), s.q.Crashed(), s.q.Workers(), s.q.Worker("w#1")} {
		text += " " + fmt.Sprint(s.rdb.Exists(s.Context(), key).Val())
	}
	return text
}

// entry names an entry of the store's lane.
func (s *store) entry(id string) wire.EntryRef { return wire.EntryRef{ID: id, Lane: s.q.Lane} }

// onEntry is what can be done to the job j-1 of the entry 1-1 otherwise than by its outcome.
var onEntry = map[string]func(s *store) error{
	"cancel": func(s *store) error {
		_, err := wire.CancelJob(s.Context(), s.rdb, s.q,
			&wire.Cancel{Entry: s.entry("1-1"), Death: wire.Death{ID: "j-1"}}).Result()
		return err
	},
	"bury by a person": func(s *store) error {
		_, err := wire.CancelJob(s.Context(), s.rdb, s.q,
			&wire.Cancel{Entry: s.entry("1-1"), Bury: true, Death: wire.Death{ID: "j-1"}}).Result()
		return err
	},
	"delete": func(s *store) error {
		_, err := wire.DeleteJob(s.Context(), s.rdb, s.q, wire.Delete{
			ID: "j-1", Place: wire.PlaceOf(s.entry("1-1")), Record: "j-1",
		}).Result()
		return err
	},
	"claim": func(s *store) error {
		s.park(wire.ParkReleased, "1-1")
		s.join("w#2")
		if got := s.claim(9, 1); got != "1-1(j-1)×1†0 " {
			return fmt.Errorf("claimed %s", got)
		}
		return nil
	},
	"adopt": func(s *store) error {
		pending, err := wire.PendingOf(s.Context(), s.rdb, s.q, "w#1", wire.EntryRef{}, 9)
		if err != nil {
			return err
		}
		found, _, err := wire.Adopt(s.Context(), s.rdb, s.q, "w#1", pending, 1<<20, 3, intern)
		if len(found) != 2 || found[0].Entry.Ref != pending[0] || pending[0].Lane != wire.HighLane {
			return fmt.Errorf("adopted %+v of %v: %w", found, pending, err)
		}
		s.must(s.rdb.XAck(s.Context(), s.q.Stream, s.q.Group, "1-1").Err())
		return err
	},
	"reclaim": func(s *store) error {
		s.endLease("w#1")
		_, err := wire.ReclaimEntries(s.Context(), s.rdb, s.q, wire.Reclaim{Consumer: "w#1", Count: 10})
		return err
	},
}

func TestEqualEntriesOfTwoLanesAreNotMistakenForEachOther(t *testing.T) {
	t.Parallel()
	all := map[string]func(s *store) error{}
	for name, act := range onEntry {
		all[name] = act
	}
	for _, o := range outcomes {
		all[o.name] = func(s *store) error {
			done, err := o.end(s, "w#1")
			if !done {
				return fmt.Errorf("nothing was done: %w", err)
			}
			return err
		}
	}
	for name, act := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			normal, high := twoLanes(t)
			before, was := normal.lane(), high.lane()
			high.must(act(high))
			if now := normal.lane(); now != before {
				t.Errorf("the normal lane has\n%s\nand had\n%s", now, before)
			}
			if high.lane() == was {
				t.Error("nothing happened in the high lane")
			}
		})
	}
}

// Two jobs of one ID, as other programs may add them, fail in two lanes with the same entry ID.
func TestTwinsOfTwoLanesAreBothKept(t *testing.T) {
	t.Parallel()
	normal, high := twoLanes(t)
	low := normal.q.In(wire.LowLane)
	s := &store{T: t, rdb: normal.rdb, q: &low}
	s.must(s.rdb.XGroupCreateMkStream(t.Context(), low.Stream, low.Group, "0").Err())
	s.must(s.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: low.Stream, ID: "1-1", Values: []string{
		"id", "j-1", "kind", "mail", "data", "{}"}}).Err())
	s.join("w#1")
	s.read("w#1", 1)
	for _, lane := range []*store{normal, high, s} {
		done, err := lane.putOff("w#1", given(1000), false, wire.Retry{
			Move: lane.moveOf("1-1"), ID: "j-1", Kind: "mail", Meta: wire.Meta{Attempt: 1, Lane: lane.q.Lane},
			Delay: time.Second,
		})
		if lane.must(err); !done {
			t.Fatal("not put off")
		}
	}
	var lanes []string
	for member, body := range s.rdb.HGetAll(t.Context(), s.q.Bodies()).Val() {
		e := wire.DecodeBody(member, body)
		if e.ID != "j-1" || e.Err != nil {
			t.Errorf("member %q is %+v", member, e)
		}
		lanes = append(lanes, e.Meta.Lane.String())
	}
	if len(lanes) != 3 {
		t.Fatalf("of three jobs those in the lanes %v are kept", lanes)
	}
	if n, _, err := wire.Promote(t.Context(), s.rdb, normal.q, given(3000), 10); n != 3 || err != nil {
		t.Fatalf("promoted %d, %v", n, err)
	}
	for _, lane := range []*store{normal, high, s} {
		if got := lane.value(lane.q.Stream); strings.Count(got, "(j-1 ") != 1 {
			t.Errorf("%s has %s", lane.q.Lane, got)
		}
	}
}

// A chosen ID guards its job in whichever lane it is.
func TestGuardsKnowTheLane(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	in := s.q.In(wire.HighLane)
	high := &store{T: t, rdb: s.rdb, q: &in}
	job := wire.Enqueue{ID: "a", Kind: "mail", Data: []byte("{}"), Call: "c1", Window: time.Hour}
	if duplicate, err := high.enqueue(job); duplicate != nil || err != nil {
		t.Fatal(duplicate, err)
	}
	again := job
	again.Call = "c2"
	for _, lane := range []*store{s, high} {
		duplicate, err := lane.enqueue(again)
		if err != nil || duplicate == nil || duplicate.ID != "a" {
			t.Errorf("into %s: %+v, %v", lane.q.Lane, duplicate, err)
		}
	}
	sweep := func() {
		_, err := wire.SweepIDs(t.Context(), s.rdb, s.q, 10, 10)
		s.must(err)
	}
	if sweep(); !s.rdb.HExists(t.Context(), s.q.IDs(), "a").Val() {
		t.Error("the guard of a job in the high lane was swept")
	}
	s.must(s.rdb.XTrimMaxLen(t.Context(), high.q.Stream, 0).Err())
	if sweep(); s.rdb.HExists(t.Context(), s.q.IDs(), "a").Val() {
		t.Error("the guard of a job that is nowhere was not swept")
	}
}
