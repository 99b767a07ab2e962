package wire_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// giveAgain makes 1-1 the ID of another job, as a server does that has lost its last writes and whose clock is behind.
func (s *store) giveAgain(id string) {
	s.Helper()
	s.must(s.rdb.Del(s.Context(), s.q.Stream).Err())
	fields := []string{"kind", "mail", "data", "{}"}
	if id != "" {
		fields = append([]string{"id", id}, fields...)
	}
	s.must(s.rdb.XAdd(s.Context(), &redis.XAddArgs{Stream: s.q.Stream, ID: "1-1", Values: fields}).Err())
	s.must(s.rdb.XGroupCreate(s.Context(), s.q.Stream, s.q.Group, "0").Err())
}

// Whoever holds the other job by now, and if nobody does: what a worker makes of its own is refused.
func TestOutcomesOfAnEntryWhoseIDWasGivenAgainAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes {
		if o.name == "ack" || o.name == "bury unread" || o.name == "hand back" {
			continue // see below; and of those two the job is in Redis, not with the worker
		}
		for _, holder := range []string{"", "w#1", "w#2"} {
			t.Run(o.name+", held by "+holder, func(t *testing.T) {
				t.Parallel()
				s := held(t, 1)
				s.move.Epoch = -1 // it came from another server
				s.giveAgain("j-2")
				if holder != "" {
					s.read(holder, 1)
				}
				before := s.snapshot()
				if done, err := o.end(s, "w#1"); done || err != nil || s.snapshot() != before {
					t.Errorf("got %t, %v; Redis has\n%s\nand had\n%s", done, err, s.snapshot(), before)
				}
			})
		}
	}
}

func TestCheckedAcknowledgementsLeaveOtherJobs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id, now string // of the job that the worker holds, and of that in Redis
		holder  string
		heldFor time.Duration
		acked   int
		others  int
	}{
		"the same":                           {"j-1", "j-1", "w#1", time.Hour, 1, 0},
		"another's, with the same worker":    {"j-1", "j-2", "w#1", time.Hour, 0, 1},
		"another's, with another worker":     {"j-1", "j-2", "w#2", time.Hour, 0, 0},
		"another's, with nobody":             {"j-1", "j-2", "", time.Hour, 0, 0},
		"another's, of another program":      {"j-1", "", "w#1", time.Hour, 0, 1},
		"without an ID, held since":          {"1-1", "", "w#1", time.Millisecond, 1, 0},
		"without an ID, delivered once more": {"1-1", "", "w#1", time.Hour, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := held(t, 1)
			s.giveAgain(c.now)
			if c.holder != "" {
				s.read(c.holder, 1)
			}
			before := s.snapshot()
			registered, acked, others, err := wire.AckChecked(t.Context(), s.rdb, s.q, "w#1",
				[]wire.DoneJob{{Entry: ref("1-1"), ID: c.id, HeldFor: c.heldFor}})
			if !registered || len(acked) != c.acked || len(others) != c.others || err != nil {
				t.Errorf("got %t, %q, %q, %v", registered, acked, others, err)
			}
			if after := s.snapshot(); c.acked == 0 && after != before {
				t.Errorf("Redis has\n%s\nand had\n%s", after, before)
			}
			if n := s.rdb.XLen(t.Context(), s.q.Stream).Val(); n != int64(1-c.acked) {
				t.Errorf("%d entries are left", n)
			}
		})
	}
}

// A connection more to the same server is no reason to look at each job, one in place of a lost one is.
func TestAnEpochBeginsWithAConnectionInPlaceOfALostOne(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	admin := redis.NewClient(rdb.Options())
	t.Cleanup(func() { _ = admin.Close() })
	epochs := new(wire.Epochs)
	epochs.Watch(rdb)
	first, second := rdb.Conn(), rdb.Conn()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(first.Ping(t.Context()).Err())
	began := epochs.Now()
	must(second.Ping(t.Context()).Err())
	if now := epochs.Now(); began == 0 || now != began {
		t.Errorf("epoch %d with the first connection, %d with the second", began, now)
	}
	must(errors.Join(first.Close(), second.Close()))
	must(admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err())
	err := errors.New("not tried")
	for tries := 0; err != nil && tries < 5; tries++ { // the client may notice by an error, or before
		err = rdb.Ping(t.Context()).Err()
	}
	must(err)
	if now := epochs.Now(); now == began {
		t.Error("no epoch begins with a connection in place of a lost one")
	}
}

// An acknowledgement that names no jobs is refused by any server that may be another than the one that gave them: also
// if it goes out on the connection that leads there first.
func TestAPlainAcknowledgementIsForTheServerThatGaveTheEntries(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	epochs := new(wire.Epochs)
	own := redis.NewClient(s.rdb.Options())
	t.Cleanup(func() { _ = own.Close() })
	epochs.Watch(own)
	entry := ref("1-1")
	before := s.snapshot()
	at := &wire.Epoch{Epochs: epochs, At: epochs.Now()}
	_, _, err := wire.Ack(t.Context(), own, s.q, "w#1", []wire.Done{{Entry: &entry}}, at) // it opens the first connection
	if !errors.Is(err, wire.ErrMoved) || s.snapshot() != before {
		t.Fatalf("got %v; Redis has\n%s", err, s.snapshot())
	}
	at.At = epochs.Now()
	if registered, _, err := wire.Ack(t.Context(), own, s.q, "w#1", []wire.Done{{Entry: &entry}}, at); !registered ||
		err != nil || s.rdb.XLen(t.Context(), s.q.Stream).Val() != 0 {
		t.Errorf("on the connection of before: %t, %v", registered, err)
	}
}

func TestAGroupIsMadeInAFullRedis(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for range 2 {
		s.must(wire.EnsureGroup(t.Context(), s.rdb, s.q))
	}
	s.must(s.rdb.Set(t.Context(), s.q.Stream, "", 0).Err())
	if err := wire.EnsureGroup(t.Context(), s.rdb, s.q); !redis.HasErrorPrefix(err, "WRONGTYPE") {
		t.Errorf("of a key of another type: %v", err)
	}
}
