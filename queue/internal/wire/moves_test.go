package wire_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// mixed returns a store in which w#1 has been given the jobs j-1 to j-7 and holds not all of them any more: j-2 was
// deleted, j-3 is another worker's, of j-4 a person has cancelled the run, and j-5 was handed back.
func mixed(t *testing.T) *store {
	t.Helper()
	s := newStore(t)
	s.add(7)
	s.join("w#1")
	s.join("w#2")
	s.read("w#1", 2)
	s.read("w#2", 1)
	s.read("w#1", 4)
	v, err := wire.DeleteJob(t.Context(), s.rdb, s.q, wire.Delete{
		ID: "j-2", Place: wire.ParsePlace("stream:2-1"), Record: "j-2",
	}).Result()
	if s.must(err); v != wire.VerdictDone {
		t.Fatalf("deleted: %d", v)
	}
	s.must(s.rdb.HSet(t.Context(), s.q.Cancelled(), "4-1", "{}").Err())
	s.park(wire.ParkReleased, "5-1")
	return s
}

func verdicts(t *testing.T, moved []wire.Moved) string {
	t.Helper()
	var words []string
	for _, m := range moved {
		word := fmt.Sprint(int(m.Verdict))
		if m.Err != nil {
			word = m.Err.Error()
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// sevenOf makes an outcome of each of the seven jobs, in no order.
func sevenOf[J any](outcome func(entry, id string) J) (jobs []J) {
	for _, n := range []int{4, 7, 1, 2, 6, 3, 5} {
		jobs = append(jobs, outcome(fmt.Sprintf("%d-1", n), fmt.Sprintf("j-%d", n)))
	}
	return jobs
}

func TestEachJobOfAMixedBatchHasItsOwnVerdict(t *testing.T) {
	t.Parallel()
	for epoch, how := range []string{"together", "each held against its job"} {
		t.Run("retry, "+how, func(t *testing.T) {
			t.Parallel()
			s := mixed(t)
			later := &wire.Retries{Clock: given(1000), Jobs: sevenOf(func(entry, id string) wire.Retry {
				return wire.Retry{Move: wire.Move{Entry: ref(entry), Epoch: int64(epoch)}, ID: id, Kind: "mail",
					Delay: time.Second}
			})}
			got := verdicts(t, wire.RetryLater(t.Context(), s.rdb, s.q, "w#1", later, sameEpoch()))
			if want := "2 1 1 0 1 0 0"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			bodies := slices.Sorted(maps.Keys(s.rdb.HGetAll(t.Context(), s.q.Bodies()).Val()))
			if fmt.Sprint(bodies) != "[j-1 j-6 j-7]" || s.rdb.ZCard(t.Context(), s.q.Retrying()).Val() != 3 {
				t.Errorf("%v were moved", bodies)
			}
			s.leaves("3-1>w#2 4-1>w#1 5-1>~released", "retried", 3)
			got = verdicts(t, wire.RetryLater(t.Context(), s.rdb, s.q, "w#1", later, sameEpoch()))
			if want := "2 0 0 0 0 0 0"; got != want {
				t.Errorf("again: got %s, want %s", got, want)
			}
		})
		t.Run("retain, "+how, func(t *testing.T) {
			t.Parallel()
			s := mixed(t)
			records := sevenOf(func(entry, id string) wire.Record {
				return wire.Record{Move: wire.Move{Entry: ref(entry), Epoch: int64(epoch)}, ID: id, Kind: "mail", Keep: time.Hour}
			})
			got := verdicts(t, wire.AckRetain(t.Context(), s.rdb, s.q, "w#1", records, sameEpoch()))
			if want := "1 1 1 0 1 0 0"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			kept := s.rdb.Keys(t.Context(), strings.ReplaceAll(s.q.Result("*"), "{", "?")).Val()
			if len(kept) != 4 {
				t.Errorf("kept are %v", kept)
			}
			s.leaves("3-1>w#2 5-1>~released", "done", 4)
			got = verdicts(t, wire.AckRetain(t.Context(), s.rdb, s.q, "w#1", records, sameEpoch()))
			if want := "0 0 0 0 0 0 0"; got != want {
				t.Errorf("again: got %s, want %s", got, want)
			}
		})
	}
}

// leaves checks what is pending, for whom, and a total.
func (s *store) leaves(pending, total string, count int) {
	s.Helper()
	var words []string
	for word := range strings.FieldsSeq(s.value(s.q.Stream)) {
		if entry, _, found := strings.Cut(word, "×"); found {
			words = append(words, entry)
		}
	}
	if got := strings.Join(words, " "); got != pending {
		s.Errorf("pending are %s, want %s", got, pending)
	}
	if got := s.rdb.HGet(s.Context(), s.q.Totals(), total).Val(); got != fmt.Sprint(count) {
		s.Errorf("%s %s, want %d", got, total, count)
	}
}

// A worker holds so many jobs between the first and the last of a batch that one look at that range does not find all.
func TestABatchAmongManyHeldJobsIsFound(t *testing.T) {
	t.Parallel()
	s := held(t, 50)
	var records []wire.Record
	for _, n := range []int{50, 1, 30} {
		records = append(records, wire.Record{
			Move: wire.Move{Entry: ref(fmt.Sprintf("%d-1", n))}, ID: fmt.Sprintf("j-%d", n), Keep: time.Hour,
		})
	}
	if got := verdicts(t, wire.AckRetain(t.Context(), s.rdb, s.q, "w#1", records, sameEpoch())); got != "1 1 1" {
		t.Errorf("got %s", got)
	}
	if n := s.rdb.XLen(t.Context(), s.q.Stream).Val(); n != 47 {
		t.Errorf("%d entries are left", n)
	}
}

// heldTwins returns a store whose worker w#1 holds two jobs of the ID twin.
func heldTwins(t *testing.T) *store {
	t.Helper()
	s := newStore(t)
	for _, entry := range []string{"1-1", "2-1"} {
		s.must(s.rdb.XAdd(t.Context(), &redis.XAddArgs{
			Stream: s.q.Stream, ID: entry, Values: []string{"id", "twin", "kind", "mail", "data", ""},
		}).Err())
	}
	s.join("w#1")
	s.read("w#1", 2)
	return s
}

// Other programs may give an ID to several jobs: each is kept, and each comes back.
func TestTwinsOfABatchAreKeptApart(t *testing.T) {
	t.Parallel()
	s := heldTwins(t)
	record := func(entry string) wire.Record {
		return wire.Record{Move: wire.Move{Entry: ref(entry)}, ID: "twin", Kind: "mail", Keep: time.Hour}
	}
	moved := wire.AckRetain(t.Context(), s.rdb, s.q, "w#1", []wire.Record{record("1-1"), record("2-1")}, sameEpoch())
	if got := verdicts(t, moved); got != "1 1" {
		t.Errorf("got %s", got)
	}
	for key, entry := range map[string]string{"twin": "1-1", "2-1": "2-1"} {
		kept := wire.DecodeRecord(s.rdb.Get(t.Context(), s.q.Result(key)).Val(), nil)
		if kept["entry"] != entry || kept["id"] != "twin" {
			t.Errorf("under %s is %v", key, kept)
		}
	}
	s = heldTwins(t)
	later := &wire.Retries{Clock: given(1000)}
	for _, entry := range []string{"1-1", "2-1"} {
		later.Jobs = append(later.Jobs, wire.Retry{Move: wire.Move{Entry: ref(entry)}, ID: "twin", Kind: "mail"})
	}
	if got := verdicts(t, wire.RetryLater(t.Context(), s.rdb, s.q, "w#1", later, sameEpoch())); got != "1 1" {
		t.Errorf("got %s", got)
	}
	s.holds("put off", "bodies twin=4 0 mail twin 2-1=04 0 mail\n retrying twin:1000 twin 2-1:1000\n"+
		"stats retried=2\n stream [w#1]")
	n, _, err := wire.Promote(t.Context(), s.rdb, s.q, given(2000), 10)
	if s.must(err); n != 2 || s.value(s.q.Stream) == "" {
		t.Errorf("%d were promoted", n)
	}
	for _, entry := range s.rdb.XRange(t.Context(), s.q.Stream, "-", "+").Val() {
		if entry.Values["id"] != "twin" {
			t.Errorf("came back as %v", entry.Values)
		}
	}
}

// A worker without a registration moves what nobody has taken from it yet, one by one.
func TestWithoutARegistrationEachJobIsHeldAgainstItsEntry(t *testing.T) {
	t.Parallel()
	s := mixed(t)
	s.must(s.rdb.Del(t.Context(), s.q.Worker("w#1")).Err())
	later := &wire.Retries{Clock: given(1000), Jobs: sevenOf(func(entry, id string) wire.Retry {
		return wire.Retry{Move: wire.Move{Entry: ref(entry)}, ID: id, Kind: "mail"}
	})}
	got := verdicts(t, wire.RetryLater(t.Context(), s.rdb, s.q, "w#1", later, sameEpoch()))
	if want := "2 1 1 0 1 0 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGuardsFollowTheJobsOfABatch(t *testing.T) {
	t.Parallel()
	s := held(t, 4)
	for n := 1; n <= 4; n++ {
		place := fmt.Sprintf("stream:%d-1", n)
		if n == 4 {
			place = "bodies" // of another job of that ID
		}
		s.must(s.rdb.HSet(t.Context(), s.q.IDs(), fmt.Sprintf("j-%d", n), "call 3600000 "+place).Err())
	}
	later := &wire.Retries{Clock: given(1000), Jobs: []wire.Retry{
		{Move: wire.Move{Entry: ref("1-1")}, ID: "j-1", Kind: "mail", Meta: wire.Meta{Guarded: true}},
	}}
	if got := verdicts(t, wire.RetryLater(t.Context(), s.rdb, s.q, "w#1", later, sameEpoch())); got != "1" {
		t.Errorf("got %s", got)
	}
	records := []wire.Record{
		{Move: wire.Move{Entry: ref("2-1")}, ID: "j-2", Keep: time.Hour, Guarded: true},
		{Move: wire.Move{Entry: ref("4-1")}, ID: "j-4", Keep: time.Hour, Guarded: true},
	}
	if got := verdicts(t, wire.AckRetain(t.Context(), s.rdb, s.q, "w#1", records, sameEpoch())); got != "1 1" {
		t.Errorf("got %s", got)
	}
	third, id := ref("3-1"), "j-3"
	_, _, err := wire.Ack(t.Context(), s.rdb, s.q, "w#1", []wire.Done{{Entry: &third, ChosenID: &id}}, sameEpoch())
	s.must(err)
	want := "j-1=call 3600000 bodies j-2=call 3600000 ended:done j-3=call 3600000 ended:done j-4=call 3600000 bodies"
	if got := s.value(s.q.IDs()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if ends := s.rdb.ZRange(t.Context(), s.q.IDsEnds(), 0, -1).Val(); len(ends) != 2 {
		t.Errorf("windows of %v", ends)
	}
}
