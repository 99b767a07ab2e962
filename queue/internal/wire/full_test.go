package wire_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A full Redis must still be drained: what moves a job passes, and what adds one is refused whole.
func TestAFullRedisIsDrainedAndTakesNoNewJobs(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t, "--maxmemory-policy", "noeviction").Client(t)
	limit := func(maxmemory string) {
		if err := rdb.ConfigSet(t.Context(), "maxmemory", maxmemory).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range outcomes {
		limit("0")
		s := heldOn(newStoreOn(t, rdb), 2)
		s.must(rdb.Set(t.Context(), s.q.Unique("u"), "j-1", 0).Err())
		limit("1")
		if slices.Contains([]string{"ack and retain", "retry", "snooze", "bury"}, o.name) { // which may add much
			before := s.snapshot()
			if _, err := o.end(s, "w#1"); !redis.HasErrorPrefix(err, "OOM") || s.snapshot() != before {
				t.Errorf("%s: %v; Redis has\n%s", o.name, err, s.snapshot())
			}
			s.move.Cut = true
		}
		if done, err := o.end(s, "w#1"); !done || err != nil {
			t.Errorf("%s: %t, %v", o.name, done, err)
		}
		s.holds(o.name, o.want)
	}
	limit("0")
	s := heldOn(newStoreOn(t, rdb), 2)
	past := time.UnixMilli(1000)
	s.must(rdb.ZAdd(t.Context(), s.q.Retrying(), redis.Z{Score: 1, Member: "j-9"}).Err())
	s.must(rdb.HSet(t.Context(), s.q.Bodies(), "j-9", wire.EncodeBody("mail", "", []byte("{}"))).Err())
	limit("1")
	before := s.snapshot()
	for _, due := range []*time.Time{nil, &past} {
		if _, err := s.enqueue(guarded(due)); !redis.HasErrorPrefix(err, "OOM") {
			t.Errorf("enqueue: %v", err)
		}
	}
	if after := s.snapshot(); after != before {
		t.Errorf("a refused job has made\n%s\nof\n%s", after, before)
	}
	if n, _, err := wire.Promote(t.Context(), rdb, s.q, wire.Clock{Own: time.Now()}, 10); n != 1 || err != nil {
		t.Errorf("promote: %d, %v", n, err)
	}
	s.join("w#2")
	if found, err := wire.Command(t.Context(), rdb, s.q, "w#2", wire.CommandQuiet, "ann"); !found || err != nil {
		t.Errorf("command: %t, %v", found, err)
	}
	beat := wire.Heartbeat{Consumer: "w#2", Lease: time.Hour, Caretaker: time.Hour, At: past, Period: []any{"done", 1}}
	if r, err := wire.Beat(t.Context(), rdb, s.q, &beat); !r.Caretaker || err != nil {
		t.Errorf("heartbeat: %+v, %v", r, err)
	}
	s.must(wire.ShortenLease(t.Context(), rdb, s.q, "w#1", time.Minute))
	limit("0")
	s.endLease("w#1")
	limit("1")
	page, err := wire.ReclaimEntries(t.Context(), rdb, s.q, wire.Reclaim{Consumer: "w#1", Count: 10})
	if page.Parked != 2 || page.Alive || len(page.Failures) > 0 || err != nil {
		t.Errorf("reclaim: %+v, %v", page, err)
	}
	suspect := ref("1-1")
	failures, err := wire.Begin(t.Context(), rdb, s.q, "w#2", []wire.EntryRef{suspect}, []wire.EntryRef{suspect})
	began := s.blame()["1-1:began"]
	if began != "w#2" || len(failures) > 0 || err != nil {
		t.Errorf("begin: in %q, %q, %v", began, failures, err)
	}
}
