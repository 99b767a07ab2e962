package wire_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// outcome is a way in which a worker ends the job j-1, of the entry 1-1. It reports whether the script
// did it.
type outcome struct {
	name string
	end  func(s *store, consumer string) (bool, error)
	want string // what is then in Redis
}

// given is a clock of the application's own, as tests have it.
func given(ms int64) wire.Clock { return wire.Clock{Own: time.UnixMilli(ms), Given: true} }

// sameEpoch is that of a worker that opens no connection meanwhile.
func sameEpoch() *wire.Epoch { return &wire.Epoch{Epochs: new(wire.Epochs)} }

// moveOf is how a test's outcome moves the job of an entry.
func (s *store) moveOf(entry string) wire.Move {
	move := s.move
	move.Entry = ref(entry)
	return move
}

// only reports what became of a single job.
func (s *store) only(moved []wire.Moved) (bool, error) {
	s.Helper()
	if len(moved) != 1 {
		s.Fatalf("got %+v for one job", moved)
	}
	return moved[0].Verdict == wire.VerdictDone, moved[0].Err
}

func (s *store) putOff(consumer string, clock wire.Clock, snoozed bool, job wire.Retry) (bool, error) {
	s.Helper()
	later := &wire.Retries{Jobs: []wire.Retry{job}, Clock: clock, Snoozed: snoozed}
	return s.only(wire.RetryLater(s.Context(), s.rdb, s.q, consumer, later, sameEpoch()))
}

// recordHead is what stands before the data of the job that is retained.
const recordHead = `{"entry":"1-1","kind":"mail","attempt":1,"worker":"w#1","enqueued_ms":5,"ended_ms":9,` +
	`"took_us":1000,"trace":"t"}`

const uniqueHeld = "unique:u j-1\n"

var outcomes = []outcome{
	{"ack", func(s *store, consumer string) (bool, error) {
		entry := ref("1-1")
		registered, acked, err := wire.Ack(s.Context(), s.rdb, s.q, consumer, []wire.Done{{Entry: &entry}}, sameEpoch())
		return registered || len(acked) == 1, err
	}, "stats done=1\n stream 2-1(j-2) 2-1>w#1×1 [w#1]\n" + uniqueHeld},
	{"ack and retain", func(s *store, consumer string) (bool, error) {
		return s.only(wire.AckRetain(s.Context(), s.rdb, s.q, consumer, []wire.Record{{
			Move: s.moveOf("1-1"), Keep: time.Hour,
			ID: "j-1", Kind: "mail", Data: []byte("{}"), Result: []byte("7"), Attempt: 1, Worker: consumer, Trace: "t",
			EnqueuedAt: time.UnixMilli(5), EndedAt: time.UnixMilli(9), Took: time.Millisecond,
		}}, sameEpoch()))
	}, fmt.Sprintf("result:j-1 3 %d 2 j-1%s{}7 !\n", len(recordHead), recordHead) +
		"stats done=1\n stream 2-1(j-2) 2-1>w#1×1 [w#1]\n" + uniqueHeld},
	{"retry", func(s *store, consumer string) (bool, error) {
		return s.putOff(consumer, wire.Clock{Own: time.UnixMicro(5_000_001), Given: true}, false, wire.Retry{
			Move: s.moveOf("1-1"), ID: "j-1", Kind: "mail", Data: []byte("{}"), Meta: wire.Meta{Attempt: 1},
			Delay: 2 * time.Second,
		})
	}, "bodies j-1=4 13 mail{\"attempt\":1}{}\n retrying j-1:7001\n " +
		"stats retried=1\n stream 2-1(j-2) 2-1>w#1×1 [w#1]\n" + uniqueHeld},
	{"snooze", func(s *store, consumer string) (bool, error) {
		return s.putOff(consumer, given(0), true, wire.Retry{
			Move: s.moveOf("1-1"), ID: "j-1", Kind: "mail", Data: []byte("{}"), Delay: 7 * time.Second,
		})
	}, "bodies j-1=4 0 mail{}\n delayed j-1:7000\n stats snoozed=1\n stream 2-1(j-2) 2-1>w#1×1 [w#1]\n" + uniqueHeld},
	{"bury", func(s *store, consumer string) (bool, error) {
		v, err := wire.Bury(s.Context(), s.rdb, s.q, consumer, &wire.Death{
			Move: s.moveOf("1-1"), ID: "j-1", Kind: "mail", Data: []byte("{}"), Reason: wire.ReasonAttempts,
			Meta: wire.Meta{Unique: "u"},
		})
		return v == wire.VerdictDone, err
	}, `dead NOW(j-1 {"unique":"u"} attempts spent) []
		dead:ids j-1=NOW
		stats dead=1
		stream 2-1(j-2) 2-1>w#1×1 [w#1]`},
	{"bury unread", func(s *store, consumer string) (bool, error) {
		id, kind, err := wire.BuryUnread(s.Context(), s.rdb, s.q, consumer, ref("1-1"),
			&wire.Death{Reason: wire.ReasonTooLarge})
		if errors.Is(err, wire.ErrNotHeld) {
			return false, nil
		}
		return id == "j-1" && kind == "mail", err
	}, "dead NOW(j-1 too large to receive) []\n dead:ids j-1=NOW\n stats dead=1\n" +
		"stream 2-1(j-2) 2-1>w#1×1 [w#1]\n" + uniqueHeld},
	{"hand back", func(s *store, consumer string) (bool, error) {
		before := s.value(s.q.Stream)
		err := wire.Handback(s.Context(), s.rdb, s.q, consumer, wire.ParkOrphans, []wire.EntryRef{ref("1-1")})
		return s.value(s.q.Stream) != before, err
	}, "stream 1-1(j-1) 2-1(j-2) 1-1>~orphans×1 2-1>w#1×1 [w#1 ~orphans]\n" + uniqueHeld},
}

func TestOutcomesMoveAJobOnce(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s := held(t, 2)
			s.must(s.rdb.Set(t.Context(), s.q.Unique("u"), "j-1", 0).Err())
			before := s.snapshot()
			if o.name != "ack" { // which relies on the registration
				if done, err := o.end(s, "w#2"); done || err != nil {
					t.Errorf("by another worker: %t, %v", done, err)
				}
				if after := s.snapshot(); after != before {
					t.Errorf("another worker has made\n%s\nof\n%s", after, before)
				}
			}
			if done, err := o.end(s, "w#1"); !done || err != nil {
				t.Fatalf("got %t, %v", done, err)
			}
			s.holds("done", o.want)
			if _, err := o.end(s, "w#1"); err != nil {
				t.Errorf("again: %v", err)
			}
			s.holds("twice", o.want)
		})
	}
}

func TestOutcomesOfAJobThatWasDeletedAreNone(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s := held(t, 1)
			v, err := wire.DeleteJob(t.Context(), s.rdb, s.q, wire.Delete{
				ID: "j-1", Place: wire.ParsePlace("stream:1-1"), Record: "j-1",
			}).Result()
			if v != wire.VerdictDone || err != nil {
				t.Fatalf("got %d, %v", v, err)
			}
			if done, err := o.end(s, "w#1"); done && o.name != "ack" || err != nil {
				t.Errorf("got %t, %v", done, err)
			}
			s.holds("afterwards", "stats deleted_stream=1\n stream [w#1]")
		})
	}
}

func TestOutcomesWithoutAGroupFailAndChangeNothing(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s := held(t, 1)
			s.must(s.rdb.XGroupDestroy(t.Context(), s.q.Stream, s.q.Group).Err())
			done, err := o.end(s, "w#2") // without a registration, ack looks at each entry
			if done || !redis.HasErrorPrefix(err, "NOGROUP") {
				t.Errorf("got %t, %v", done, err)
			}
			s.holds("afterwards", "stream 1-1(j-1) []")
		})
	}
}

func TestAckWithoutARegistrationFinishesWhatIsStillTheWorkers(t *testing.T) {
	t.Parallel()
	s := held(t, 4)
	s.must(s.rdb.Del(t.Context(), s.q.Worker("w#1")).Err())
	s.must(wire.Handback(t.Context(), s.rdb, s.q, "w#1", wire.ParkOrphans, []wire.EntryRef{ref("2-1")}))
	var entries []wire.Done
	for _, id := range []string{"1-1", "2-1", "4-1", "9-1"} {
		entries = append(entries, wire.Done{Entry: &wire.EntryRef{ID: id}})
	}
	registered, acked, err := wire.Ack(t.Context(), s.rdb, s.q, "w#1", entries, sameEpoch())
	if err != nil || registered || len(acked) != 2 || acked[0] != "1-1" || acked[1] != "4-1" {
		t.Errorf("got %t, %v, %v", registered, acked, err)
	}
	want := "stats done=2\n stream 2-1(j-2) 3-1(j-3) 2-1>~orphans×1 3-1>w#1×1 [w#1 ~orphans]"
	s.holds("afterwards", want)
	registered, acked, err = wire.Ack(t.Context(), s.rdb, s.q, "w#1", entries, sameEpoch())
	if err != nil || registered || len(acked) != 0 {
		t.Errorf("again: %t, %v, %v", registered, acked, err)
	}
	s.holds("twice", want)
}

func TestRetryOfACancelledJobIsRefused(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	s.must(s.rdb.HSet(t.Context(), s.q.Cancelled(), "1-1", "{}").Err())
	before := s.snapshot()
	for epoch := range int64(2) { // in a call for many, and in one of its own
		job := wire.Retry{Move: wire.Move{Entry: ref("1-1"), Epoch: epoch}, ID: "j-1", Kind: "mail"}
		moved := wire.RetryLater(t.Context(), s.rdb, s.q, "w#1", &wire.Retries{Jobs: []wire.Retry{job}}, sameEpoch())
		if moved[0] != (wire.Moved{Verdict: wire.VerdictOther}) || s.snapshot() != before {
			t.Errorf("got %+v; Redis has\n%s", moved, s.snapshot())
		}
	}
}

func TestBuryLeavesTheUniqueKeyOfAnotherJob(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	s.must(s.rdb.Set(t.Context(), s.q.Unique("u"), "j-2", 0).Err())
	died := wire.Death{Move: s.moveOf("1-1"), ID: "j-1", Kind: "mail", Error: "x", Worker: "w#1", At: time.UnixMilli(5)}
	died.Meta.Unique = "u"
	_, err := wire.Bury(t.Context(), s.rdb, s.q, "w#1", &died)
	s.must(err)
	if holder := s.rdb.Get(t.Context(), s.q.Unique("u")).Val(); holder != "j-2" {
		t.Errorf("the key is %q's", holder)
	}
	dead := s.rdb.XRange(t.Context(), s.q.Dead(), "-", "+").Val()
	entry, death := wire.ReadDeath(dead[0])
	if entry.ID != "j-1" || entry.Kind != "mail" || entry.Meta.Unique != "u" || entry.Ref.ID != dead[0].ID {
		t.Errorf("got %+v", entry)
	}
	if death.Error != "x" || death.Worker != "w#1" || !death.At.Equal(died.At) || death.Meta != died.Meta {
		t.Errorf("got %+v", death)
	}
}

func TestHandbackParksWhatTheWorkerHolds(t *testing.T) {
	t.Parallel()
	s := held(t, 3)
	s.park(wire.ParkReleased, "3-1", "1-1", "8-1")
	s.holds("released", "stream 1-1(j-1) 2-1(j-2) 3-1(j-3) 1-1>~released×1 2-1>w#1×1 3-1>~released×1 [w#1 ~released]")
}
