package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A done job gives the unique key back that it held until its end, by every script that ends it, beside jobs that have
// none; not one that is another job's by now, and not one that is held for a time.
func TestADoneJobGivesItsUniqueKeyBack(t *testing.T) {
	t.Parallel()
	first, second := ref("1-1"), ref("2-1")
	record := func(s *store, id, entry string, until wire.Until, cut bool) wire.Record {
		move := s.moveOf(entry)
		move.Cut = cut
		return wire.Record{Move: move, ID: id, Guarded: until != "", Unique: "u", Until: until, Keep: time.Hour}
	}
	chosen := "j-1"
	for name, end := range map[string]func(s *store, until wire.Until){
		"ack": func(s *store, until wire.Until) {
			done := []wire.Done{{Entry: &second}, {Entry: &first}}
			if until != "" {
				unique := "u"
				done[1].ChosenID, done[1].Unique = &chosen, &unique
			}
			_, _, err := wire.Ack(s.Context(), s.rdb, s.q, "w#1", done, sameEpoch())
			s.must(err)
		},
		"ack, checked": func(s *store, until wire.Until) {
			done := []wire.DoneJob{{Entry: second, ID: "j-2"}, {Entry: first, ID: "j-1", Chosen: until != ""}}
			if until != "" {
				done[1].Unique = "u"
			}
			_, _, _, err := wire.AckChecked(s.Context(), s.rdb, s.q, "w#1", done)
			s.must(err)
		},
		"retain": func(s *store, until wire.Until) {
			other := record(s, "j-2", "2-1", "", false)
			other.Unique = ""
			for _, moved := range wire.AckRetain(s.Context(), s.rdb, s.q, "w#1",
				[]wire.Record{other, record(s, "j-1", "1-1", until, false)}, sameEpoch()) {
				s.must(moved.Err)
			}
		},
		"retain, checked": func(s *store, until wire.Until) {
			for _, moved := range wire.AckRetain(s.Context(), s.rdb, s.q, "w#1",
				[]wire.Record{record(s, "j-1", "1-1", until, true)}, sameEpoch()) {
				s.must(moved.Err)
			}
		},
	} {
		for _, c := range []struct {
			until  wire.Until
			holder string
			want   int64
		}{
			{wire.UntilEnded, "j-1", 0}, {wire.UntilStarted, "j-1", 0}, {wire.UntilEnded, "j-9", 1}, {"", "j-1", 1},
		} {
			t.Run(name+" until "+string(c.until)+" "+c.holder, func(t *testing.T) {
				t.Parallel()
				s := held(t, 2)
				s.must(s.rdb.Set(t.Context(), s.q.Unique("u"), c.holder, 0).Err())
				end(s, c.until)
				if n := s.rdb.Exists(t.Context(), s.q.Unique("u")).Val(); n != c.want {
					t.Errorf("the key is there: %t", n == 1)
				}
				if n := s.rdb.XRange(t.Context(), s.q.Stream, "1-1", "1-1").Val(); len(n) != 0 {
					t.Error("the job has not ended")
				}
			})
		}
	}
}

// A start sets free what its job holds, and nothing of a worker that lost its lease.
func TestStartJobs(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	for key, holder := range map[string]string{"u-1": "j-1", "u-2": "j-2", "u-3": "another"} {
		s.must(s.rdb.Set(t.Context(), s.q.Unique(key), holder, 0).Err())
	}
	jobs := []wire.UniqueStart{{ID: "j-1", Unique: "u-1"}, {ID: "j-2", Unique: "u-2"}, {ID: "j-3", Unique: "u-3"}}
	start := func(consumer string, verdict wire.Verdict, left int64) {
		t.Helper()
		for _, moved := range wire.FreeUniques(t.Context(), s.rdb, s.q, consumer, jobs) {
			if moved.Verdict != verdict || moved.Err != nil {
				t.Errorf("%s: %+v", consumer, moved)
			}
		}
		if n := s.rdb.Exists(t.Context(), s.q.Unique("u-1"), s.q.Unique("u-2"), s.q.Unique("u-3")).Val(); n != left {
			t.Errorf("%s: %d keys are left", consumer, n)
		}
	}
	start("gone#1", wire.VerdictNotFound, 3)
	start("w#1", wire.VerdictDone, 1)
	start("w#1", wire.VerdictDone, 1)
}

func untilEnded(id, call, data string) *wire.Enqueue {
	return &wire.Enqueue{
		ID: id, Kind: "mail", Data: []byte(data), Meta: `{"guarded":true}`, Call: call, Window: time.Minute,
		UniqueKey: "u", Until: wire.UntilEnded, Replace: true,
	}
}

// A call that is sent again, since its reply was lost, finds that it took effect, also once its job has ended and its
// key is free.
func TestACallThatIsSentAgainFindsItsJobAfterItsEnd(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if got := s.enqueueAll(untilEnded("j-1", "call", "{}")); got != "ok" {
		t.Fatal(got)
	}
	s.join("w#1")
	s.read("w#1", 1)
	entry, id, key := ref(s.rdb.XRange(t.Context(), s.q.Stream, "-", "+").Val()[0].ID), "j-1", "u"
	_, _, err := wire.Ack(t.Context(), s.rdb, s.q, "w#1",
		[]wire.Done{{Entry: &entry, ChosenID: &id, Unique: &key}}, sameEpoch())
	s.must(err)
	if got := s.enqueueAll(untilEnded("j-1", "call", "{}")); got != "ok" || s.order() != "" {
		t.Errorf("got %s, and in the stream are %q", got, s.order())
	}
	if got := s.enqueueAll(untilEnded("j-2", "another", "{}")); got != "ok" || s.order() != "j-2" {
		t.Errorf("got %s, and in the stream are %q", got, s.order())
	}
}

// Of jobs of one key in one call the first is enqueued, and the others change it in their sequence.
func TestJobsOfOneCallChangeTheOneBefore(t *testing.T) {
	t.Parallel()
	for name, due := range map[string]func(*wire.Enqueue) *wire.Enqueue{
		"waiting": func(e *wire.Enqueue) *wire.Enqueue { return e }, "delayed": later,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			got := s.enqueueAll(due(untilEnded("j-1", "a", "1")), due(untilEnded("j-2", "b", "2")),
				due(untilEnded("j-3", "c", "3")))
			if want := "ok, j-1 " + name + ", j-1 " + name; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			data := s.rdb.HGet(t.Context(), s.q.Bodies(), "j-1").Val()
			for _, entry := range s.rdb.XRange(t.Context(), s.q.Stream, "-", "+").Val() {
				data, _ = entry.Values["data"].(string)
			}
			if !strings.HasSuffix(data, "3") || s.rdb.XLen(t.Context(), s.q.Stream).Val() > 1 {
				t.Errorf("it has %q", data)
			}
		})
	}
}
