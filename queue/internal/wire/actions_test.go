package wire_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// wait makes jobs due at 1000 and 9000 ms, and one whose body is damaged.
func (s *store) wait() {
	s.Helper()
	body := wire.EncodeBody("mail", `{"attempt":1}`, []byte("{}"))
	s.must(s.rdb.HSet(s.Context(), s.q.Bodies(), "d-1", body, "r-1", body, "r-2", body, "bad", "x").Err())
	s.must(s.rdb.ZAdd(s.Context(), s.q.Delayed(),
		redis.Z{Score: 1000, Member: "d-1"}, redis.Z{Score: 900, Member: "bodiless"}).Err())
	s.must(s.rdb.ZAdd(s.Context(), s.q.Retrying(),
		redis.Z{Score: 1000, Member: "r-1"}, redis.Z{Score: 9000, Member: "r-2"}, redis.Z{Score: 1001, Member: "bad"}).Err())
}

func TestPromoteMovesWhatIsDueOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.wait()
	for i, want := range []int64{3, 0} {
		promoted, next, err := wire.Promote(t.Context(), s.rdb, s.q, given(2000), 10)
		if promoted != want || next != 7*time.Second || err != nil {
			t.Errorf("call %d: %d, %s, %v", i, promoted, next, err)
		}
		s.holds("promoted", `bodies r-2=4 13 mail{"attempt":1}{}
			retrying r-2:9000
			stats promoted=3
			stream NOW(d-1 {"attempt":1}) NOW(r-1 {"attempt":1}) NOW(bad) []`)
	}
	v, err := wire.Reschedule(t.Context(), s.rdb, s.q, "r-2", time.UnixMicro(1_500_001)).Result()
	if v != wire.VerdictDone || err != nil {
		t.Errorf("reschedule: %d, %v", v, err)
	}
	if due := s.rdb.ZScore(t.Context(), s.q.Retrying(), "r-2").Val(); due != 1501 {
		t.Errorf("it is due at %f", due)
	}
	v, err = wire.Reschedule(t.Context(), s.rdb, s.q, "d-1", time.UnixMilli(1)).Result()
	if v != wire.VerdictNotFound || err != nil {
		t.Errorf("reschedule of one that waits: %d, %v", v, err)
	}
	if _, next, err := wire.Promote(t.Context(), s.rdb, s.q, given(2000), 10); next >= 0 || err != nil {
		t.Errorf("the next is due in %s, %v", next, err)
	}
}

// The caretaker is notified of what is brought forward before all others of its set, and of nothing else.
func TestTheCaretakerIsNotifiedOfAJobThatIsBroughtForward(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.wait()
	sub := s.rdb.Subscribe(t.Context(), s.q.DueChannel())
	defer sub.Close()
	_, err := sub.Receive(t.Context())
	s.must(err)
	now := time.Now()
	for _, due := range []struct {
		id string
		at time.Time
	}{{"d-1", now.Add(time.Hour)}, {"r-2", now.Add(time.Minute)}, {"r-2", time.UnixMilli(2)}, {"d-1", time.UnixMilli(1)}} {
		v, err := wire.Reschedule(t.Context(), s.rdb, s.q, due.id, due.at).Result()
		if v != wire.VerdictDone || err != nil {
			t.Fatalf("%s: %d, %v", due.id, v, err)
		}
	}
	s.must(s.rdb.Publish(t.Context(), s.q.DueChannel(), "the end").Err())
	for _, want := range []string{"0", "0", "the end"} {
		message, err := sub.ReceiveMessage(t.Context())
		if s.must(err); message.Payload != want {
			t.Errorf("got %q, want %q", message.Payload, want)
		}
	}
}

func TestPromoteOntoADamagedStreamLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.wait()
	s.must(s.rdb.Set(t.Context(), s.q.Stream, "damage", 0).Err())
	_, _, err := wire.Promote(t.Context(), s.rdb, s.q, given(2000), 10)
	if !redis.HasErrorPrefix(err, "WRONGTYPE") {
		t.Errorf("got %v", err)
	}
	s.must(s.rdb.Del(t.Context(), s.q.Stream).Err())
	if promoted, _, err := wire.Promote(t.Context(), s.rdb, s.q, given(2000), 10); promoted != 3 || err != nil {
		t.Errorf("repaired: %d, %v", promoted, err)
	}
}

func TestRequeueBringsADeadJobBackOnce(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	death := wire.Death{
		Move: s.moveOf("1-1"), ID: "j-1", Kind: "mail", Data: []byte("{}"),
		Meta: wire.Meta{Attempt: 3, Error: "x", Retain: 5},
	}
	_, err := wire.Bury(t.Context(), s.rdb, s.q, "w#1", &death)
	s.must(err)
	e, _ := wire.ReadDeath(s.rdb.XRange(t.Context(), s.q.Dead(), "-", "+").Val()[0])
	for _, want := range []wire.Verdict{wire.VerdictDone, wire.VerdictNotFound} {
		if v, err := wire.Requeue(t.Context(), s.rdb, s.q, wire.EndedDead, &e).Result(); v != want || err != nil {
			t.Errorf("got %d, %v", v, err)
		}
		s.holds("requeued", "dead []\n stats dead=1 requeued=1\n stream NOW(j-1 {\"retain_ms\":5}) [w#1]")
	}
	if e.Meta.Attempt != 3 {
		t.Error("the caller's meta was changed")
	}
}

func TestCancelEndsAJobWhereverItIs(t *testing.T) {
	t.Parallel()
	cancel := func(s *store, c wire.Cancel) wire.Verdict {
		s.Helper()
		c.By, c.Death.Reason = wire.Attribution{By: "ann", At: time.UnixMilli(5)}, wire.ReasonByPerson
		v, err := wire.CancelJob(s.Context(), s.rdb, s.q, &c).Result()
		s.must(err)
		return v
	}
	s := held(t, 2)
	first := wire.Cancel{Entry: ref("1-1"), Death: wire.Death{ID: "j-1"}}
	for range 2 { // its worker lives: a cancellation is left
		if v := cancel(s, first); v != wire.VerdictDone {
			t.Errorf("got %d", v)
		}
		s.holds("left", `cancelled 1-1={"by":"ann","at_ms":5} !
			stream 1-1(j-1) 2-1(j-2) 1-1>w#1×1 2-1>w#1×1 [w#1]`)
	}
	s.must(wire.ExpireCancels(t.Context(), s.rdb, s.q, 10, 0)) // it is pending: it stays
	if n := s.rdb.HLen(t.Context(), s.q.Cancelled()).Val(); n != 1 {
		t.Errorf("%d cancellations", n)
	}
	s.endLease("w#1")
	for _, want := range []wire.Verdict{wire.VerdictOther, wire.VerdictNotFound} {
		if v := cancel(s, first); v != want {
			t.Errorf("without a lease: %d", v)
		}
		s.holds("cancelled", `cancelled 1-1={"by":"ann","at_ms":5} !
			cancelled:ids j-1=NOW
			cancelled:jobs NOW(j-1 cancelled by a person) []
			stats cancelled=1
			stream 2-1(j-2) 2-1>w#1×1 [w#1]`)
	}
	s.must(wire.ExpireCancels(t.Context(), s.rdb, s.q, 10, time.Minute))
	if n := s.rdb.Exists(t.Context(), s.q.Cancelled()).Val(); n != 0 {
		t.Error("the cancellation of a job that has ended stays")
	}
	s.wait()
	scheduled := wire.Cancel{Member: "r-1", Death: wire.Death{ID: "r-1"}}
	scheduled.Body = s.rdb.HGet(t.Context(), s.q.Bodies(), "r-1").Val()
	for _, want := range []wire.Verdict{wire.VerdictOther, wire.VerdictNotFound} {
		if v := cancel(s, scheduled); v != want {
			t.Errorf("a scheduled job: %d", v)
		}
	}
	if got := s.value(s.q.Totals()); got != "cancelled=1 cancelled_delayed=1" {
		t.Errorf("totals: %s", got)
	}
}

func TestDeleteFindsAJobWhereverItIsAndCountsItOnce(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	s.wait()
	s.must(s.rdb.Set(t.Context(), s.q.Unique("u"), "r-1", 0).Err())
	for _, d := range []wire.Delete{
		{ID: "j-1", Place: wire.ParsePlace("stream:1-1"), Unique: "u", Record: "j-1"},
		{ID: "r-1", Place: wire.ParsePlace("bodies:r-1"), Unique: "u", Record: "r-1"},
	} {
		if holder := s.rdb.Get(t.Context(), s.q.Unique("u")).Val(); holder != "r-1" {
			t.Errorf("the key is %q's", holder)
		}
		for _, want := range []wire.Verdict{wire.VerdictDone, wire.VerdictNotFound} {
			if v, err := wire.DeleteJob(t.Context(), s.rdb, s.q, d).Result(); v != want || err != nil {
				t.Errorf("%s: %d, %v", d.ID, v, err)
			}
		}
	}
	if n := s.rdb.Exists(t.Context(), s.q.Unique("u")).Val(); n != 0 {
		t.Error("the unique key stays")
	}
	if got := s.value(s.q.Totals()); got != "deleted_scheduled=1 deleted_stream=1" {
		t.Errorf("totals: %s", got)
	}
}

func TestEditChangesAJobThatNobodyHolds(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.must(s.rdb.XAdd(t.Context(), &redis.XAddArgs{
		Stream: s.q.Stream, ID: "3-1", Values: []string{"id", "j-3", "kind", "mail", "data", "{}"},
	}).Err())
	job := wire.Entry{ID: "j-3", Kind: "mail", Data: []byte(`{"a":1}`), Meta: &wire.Meta{Attempt: 2}}
	edit := func(e wire.Edit, want ...wire.Verdict) {
		t.Helper()
		for _, want := range want {
			if v, err := wire.EditJob(t.Context(), s.rdb, s.q, &e).Result(); v != want || err != nil {
				t.Errorf("got %d, %v, want %d", v, err, want)
			}
		}
	}
	ofEntry := func(entry, parking string) wire.Edit {
		job := job
		job.Ref = ref(entry)
		return wire.Edit{Job: job, Parking: parking}
	}
	edit(ofEntry("1-1", ""), wire.VerdictHeld)
	edit(ofEntry("9-1", ""), wire.VerdictNotFound)
	edit(ofEntry("3-1", wire.ParkReleased), wire.VerdictNotFound) // it is not as it was seen
	s.must(s.rdb.HSet(t.Context(), s.q.Cancelled(), "3-1", "{}").Err())
	edit(ofEntry("3-1", ""), wire.VerdictNotFound)
	s.must(s.rdb.Del(t.Context(), s.q.Cancelled()).Err())
	edit(ofEntry("3-1", ""), wire.VerdictDone, wire.VerdictNotFound)
	s.holds("edited", `stats edited=1
		stream 1-1(j-1) 2-1(j-2) NOW(j-3 {"attempt":2}) 1-1>w#1×1 2-1>w#1×1 [w#1]`)
	twin := wire.Edit{Job: job, Member: "j-3 7-1", Body: "0" + wire.EncodeBody("mail", "", []byte("{}"))}
	edit(twin, wire.VerdictNotFound)
	s.must(s.rdb.HSet(t.Context(), s.q.Bodies(), twin.Member, twin.Body).Err())
	s.must(s.rdb.ZAdd(t.Context(), s.q.Retrying(), redis.Z{Score: 9000, Member: twin.Member}).Err())
	edit(twin, wire.VerdictDone, wire.VerdictNotFound)
	e := wire.DecodeBody(twin.Member, s.rdb.HGet(t.Context(), s.q.Bodies(), twin.Member).Val())
	if e.ID != "j-3" || string(e.Data) != `{"a":1}` || e.Meta.Attempt != 2 || e.Err != nil {
		t.Errorf("got %+v", e)
	}
}
