package wire_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// addAs puts a job into the stream for each entry.
func (s *store) addAs(entries ...string) {
	s.Helper()
	for _, entry := range entries {
		s.must(s.rdb.XAdd(s.Context(), &redis.XAddArgs{
			Stream: s.q.Stream, ID: entry, Values: []string{"id", "j", "kind", "mail", "data", "{}"},
		}).Err())
	}
}

// The caretaker's count of what waits leaves out what a consumer of another program has acknowledged and left.
func TestAHeartbeatCountsWhatTheGroupWasNotGiven(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.addAs("7-1", "8-1", "9-1")
	s.read("python-1", 2)
	s.must(s.rdb.XAck(t.Context(), s.q.Stream, s.q.Group, "7-1", "8-1").Err())
	_, err := s.beat(wire.Heartbeat{Consumer: "w#1"})
	s.must(err)
	if got := s.value(s.q.Minute(time.Unix(7200, 0))); got != "in_flight=2 waiting=1" {
		t.Errorf("got %s", got)
	}
}

// Whatever it is asked to delete, a sweep deletes what was acknowledged alone.
func TestASweepDeletesWhatWasAcknowledgedAlone(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.addAs("7-1", "8-1", "9-1")
	s.read("python-1", 2)
	s.must(s.rdb.XAck(t.Context(), s.q.Stream, s.q.Group, "7-1", "8-1").Err())
	entries := []wire.EntryRef{ref("1-1"), ref("2-1"), ref("5-5"), ref("7-1"), ref("8-1"), ref("9-1")}
	s.must(s.rdb.XGroupSetID(t.Context(), s.q.Stream, s.q.Group, "7-1").Err()) // 8-1 waits again
	n, shared, err := wire.SweepLeftovers(t.Context(), s.rdb, s.q, entries)
	if s.must(err); n != 1 || shared {
		t.Errorf("%d deleted, shared %t", n, shared)
	}
	s.holds("swept", `
		stats deleted_stream=1
		stream 1-1(j-1) 2-1(j-2) 8-1(j) 9-1(j) 1-1>w#1×1 2-1>w#1×1 [python-1 w#1]
	`)
	s.must(s.rdb.XGroupCreate(t.Context(), s.q.Stream, "auditors", "0").Err())
	if n, shared, err := wire.SweepLeftovers(t.Context(), s.rdb, s.q, entries); n != 0 || !shared || err != nil {
		t.Errorf("with another group: %d, %t, %v", n, shared, err)
	}
}
