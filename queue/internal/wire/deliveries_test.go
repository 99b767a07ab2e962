package wire_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// lines returns what was delivered as text: entry(job)×deliveries, and how many workers died with it.
func lines(found []wire.Delivery) (text string) {
	for _, d := range found {
		text += fmt.Sprintf("%s(%s)×%d†%d ", d.Entry.Ref.ID, d.Entry.ID, d.Deliveries, d.Crashes)
	}
	return text
}

func (s *store) claim(count int, primes int64) string {
	s.Helper()
	found, err := wire.ClaimParked(s.Context(), s.rdb, s.q, wire.Claim{
		Consumer: "w#2", Count: count, MaxCrashes: 3, Primes: primes, LastChances: primes, Bytes: 1 << 20,
	}, intern)
	s.must(err)
	return lines(found)
}

func (s *store) park(parking string, ids ...string) {
	s.Helper()
	var entries []wire.EntryRef
	for _, id := range ids {
		entries = append(entries, ref(id))
	}
	s.must(wire.Handback(s.Context(), s.rdb, s.q, "w#1", parking, entries))
}

func TestClaimTakesReleasedFirstAndCountsDeliveriesOfOrphans(t *testing.T) {
	t.Parallel()
	s := held(t, 4)
	s.park(wire.ParkOrphans, "1-1", "2-1")
	s.park(wire.ParkReleased, "3-1", "4-1")
	_, err := wire.ClaimParked(t.Context(), s.rdb, s.q, wire.Claim{Consumer: "w#2", Count: 9}, intern)
	if err != wire.ErrLost {
		t.Errorf("without a registration: %v", err)
	}
	s.join("w#2")
	s.must(s.rdb.XDel(t.Context(), s.q.Stream, "4-1").Err()) // acknowledged away
	if got := s.claim(2, 0); got != "3-1(j-3)×1†0 1-1(j-1)×2†0 " {
		t.Errorf("got %s", got)
	}
	if got := s.claim(2, 0); got != "2-1(j-2)×2†0 " {
		t.Errorf("then %s", got)
	}
	if got := s.claim(2, 0); got != "" {
		t.Errorf("at last %s", got)
	}
	if got, want := s.value(s.q.Stream), "1-1(j-1) 2-1(j-2) 3-1(j-3) 1-1>w#2×2 2-1>w#2×2 3-1>w#2×1 "+
		"[w#1 w#2 ~orphans ~released]"; got != want {
		t.Errorf("the stream is %s, want %s", got, want)
	}
}

func TestClaimTakesPrimeSuspectsOneAtATime(t *testing.T) {
	t.Parallel()
	s := held(t, 3)
	s.join("w#2")
	s.park(wire.ParkOrphans, "1-1", "2-1", "3-1")
	s.must(s.rdb.HSet(t.Context(), s.q.Crashed(), "1-1", "a b", "2-1", "a b", "3-1", "#held:a").Err())
	s.must(s.rdb.HSet(t.Context(), s.q.Cancelled(), "3-1", "{}").Err())
	for _, step := range []struct {
		primes int64
		want   string
	}{
		{0, "3-1(j-3)×2†0 "}, {0, ""}, {1, "1-1(j-1)×2†2 "}, {1, "2-1(j-2)×2†2 "}, {1, ""},
	} {
		if got := s.claim(9, step.primes); got != step.want {
			t.Errorf("with %d: got %q, want %q", step.primes, got, step.want)
		}
	}
	found, _, err := wire.Adopt(t.Context(), s.rdb, s.q, "w#2", refs("3-1"), 1<<20, 3, intern)
	if err != nil || len(found) != 1 || found[0].Cancelled != "{}" {
		t.Errorf("adopted %+v, %v", found, err)
	}
}

func refs(ids ...string) (entries []wire.EntryRef) {
	for _, id := range ids {
		entries = append(entries, ref(id))
	}
	return entries
}

func TestPagesOfPendingEntriesSkipAndRepeatNothing(t *testing.T) {
	t.Parallel()
	s := held(t, 7)
	s.read0("w#2")
	got, pages := "", 0
	for last := ref(""); ; pages++ {
		found, err := wire.PendingOf(t.Context(), s.rdb, s.q, "w#1", last, 3)
		s.must(err)
		for _, entry := range found {
			got += entry.ID + " "
		}
		if len(found) < 3 {
			break
		}
		last = found[2]
	}
	if want := "1-1 2-1 3-1 4-1 5-1 6-1 7-1 "; got != want || pages != 2 {
		t.Errorf("%d pages: %s", pages, got)
	}
}

// read0 makes a consumer that holds nothing.
func (s *store) read0(consumer string) {
	s.Helper()
	s.must(s.rdb.XGroupCreateConsumer(s.Context(), s.q.Stream, s.q.Group, consumer).Err())
}

func TestAdoptReturnsNoMoreBytesThanAskedFor(t *testing.T) {
	t.Parallel()
	const each = 2 + 3 + 4 + 4 + 4 + 2 // id j-1 kind mail data {}
	for bytes, want := range map[int]string{
		0: "1 1-1(j-1)×1†0 ", each: "1 1-1(j-1)×1†0 ", 3*each - 1: "3 1-1(j-1)×1†0 2-1(j-2)×1†0 ",
		4 * each: "5 1-1(j-1)×1†0 2-1(j-2)×1†0 4-1(j-4)×1†0 ",
	} {
		s := held(t, 5)
		s.must(s.rdb.XDel(t.Context(), s.q.Stream, "3-1").Err())
		s.must(s.rdb.XClaim(t.Context(), &redis.XClaimArgs{
			Stream: s.q.Stream, Group: s.q.Group, Consumer: "w#2", Messages: []string{"5-1"},
		}).Err())
		found, looked, err := wire.Adopt(t.Context(), s.rdb, s.q, "w#1", refs("1-1", "2-1", "3-1", "4-1", "5-1"), bytes,
			3, intern)
		if got := fmt.Sprint(looked, " ", lines(found)); got != want || err != nil {
			t.Errorf("%d bytes: got %s, %v, want %s", bytes, got, err, want)
		}
		if pending := s.rdb.XPending(t.Context(), s.q.Stream, s.q.Group).Val(); looked > 3 && pending.Count != 4 {
			t.Errorf("%d are pending: a deleted entry is to be acknowledged away", pending.Count)
		}
	}
}

func TestClaimTakesNoMoreBytesThanAskedFor(t *testing.T) {
	t.Parallel()
	const each = 2 + 3 + 4 + 4 + 4 + 2
	s := held(t, 5)
	s.join("w#2")
	s.park(wire.ParkReleased, "1-1", "2-1")
	s.park(wire.ParkOrphans, "3-1", "4-1", "5-1")
	for _, step := range []struct {
		bytes int
		want  string
	}{
		{0, "1-1(j-1)×1†0 "}, {2*each + 1, "2-1(j-2)×1†0 3-1(j-3)×2†0 "}, {99, "4-1(j-4)×2†0 5-1(j-5)×2†0 "},
	} {
		found, err := wire.ClaimParked(t.Context(), s.rdb, s.q,
			wire.Claim{Consumer: "w#2", Count: 9, MaxCrashes: 3, Bytes: step.bytes}, intern)
		if got := lines(found); got != step.want || err != nil {
			t.Errorf("%d bytes: got %s, %v, want %s", step.bytes, got, err, step.want)
		}
	}
}

func TestWeighMeasuresWhatTheWorkerHolds(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.must(s.rdb.XDel(t.Context(), s.q.Stream, "2-1").Err())
	for consumer, want := range map[string][2]int{"w#1": {19, -1}, "w#2": {-1, -1}} {
		for i, entry := range refs("1-1", "2-1") {
			if got, err := wire.Weigh(t.Context(), s.rdb, s.q, consumer, entry); got != want[i] || err != nil {
				t.Errorf("%s of %s: %d bytes, %v, want %d", entry.ID, consumer, got, err, want[i])
			}
		}
	}
}

// A job that no worker can receive goes to the dead as it is, and sets its unique key free.
func TestUnreadJobsAreBuriedAsTheyAre(t *testing.T) {
	t.Parallel()
	raw := wire.NewQueueRef("", redistest.Namespace(), wire.Binding{Raw: true, Group: "g", Kind: "raw.kind"})
	own := newStore(t)
	const form = `id=j-1 kind=mail data={} meta={"unique":"u"}`
	for name, test := range map[string]struct {
		q      *wire.QueueRef
		fields string
		want   string
	}{
		"navvy's own":       {own.q, form, "j-1 mail {} u"},
		"without an ID":     {own.q, "kind=mail data={}", "ENTRY mail {} "},
		"without a kind":    {own.q, "id=j-1 data={}", "j-1  {} "},
		"retried, raw":      {&raw, form, "j-1 mail {} u"},
		"another program's": {&raw, `b=1"2 a=x kind=odd`, `ENTRY raw.kind {"b":"1\"2","a":"x","kind":"odd"} `},
	} {
		s := newStore(t)
		s.q = test.q
		_ = s.rdb.XGroupCreateMkStream(t.Context(), s.q.Stream, s.q.Group, "0").Err()
		s.must(s.rdb.Set(t.Context(), s.q.Unique("u"), "j-1", 0).Err())
		var values []string
		for field := range strings.FieldsSeq(test.fields) {
			name, value, _ := strings.Cut(field, "=")
			values = append(values, name, value)
		}
		entry, err := s.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: s.q.Stream, Values: values}).Result()
		s.must(err)
		s.read("w#1", 1)
		id, kind, err := wire.BuryUnread(t.Context(), s.rdb, s.q, "w#1", ref(entry),
			&wire.Death{Reason: wire.ReasonTooLarge})
		s.must(err)
		dead, err := s.rdb.XRevRange(t.Context(), s.q.Dead(), "+", "-").Result()
		s.must(err)
		_, death := wire.ReadDeath(dead[0])
		got := strings.Join([]string{death.ID, death.Kind, string(death.Data), death.Meta.Unique}, " ")
		if want := strings.ReplaceAll(test.want, "ENTRY", entry); got != want || id != death.ID || kind != death.Kind {
			t.Errorf("%s: got %s (%s, %s), want %s", name, got, id, kind, want)
		}
		if held := s.rdb.Exists(t.Context(), s.q.Unique("u")).Val() == 1; held == (death.Meta.Unique == "u") {
			t.Errorf("%s: its unique key is held: %t", name, held)
		}
	}
}

func TestReclaimPagesSkipAndRepeatNothing(t *testing.T) {
	t.Parallel()
	s := held(t, 7)
	s.endLease("w#1")
	s.must(s.rdb.HSet(t.Context(), s.q.Crashed(), "2-1", "w#0", "3-1", "w#0", "3-1:began", "w#1").Err())
	counts, last := "", ref("")
	for {
		page := wire.Reclaim{Consumer: "w#1", Count: 3, Behind: last}
		done, err := wire.ReclaimEntries(t.Context(), s.rdb, s.q, page)
		if err != nil || done.Alive {
			t.Fatalf("got %+v, %v", done, err)
		}
		counts += fmt.Sprint(done.Parked, " ")
		if last = done.Last; last.ID == "" {
			break
		}
	}
	if counts != "3 3 1 " {
		t.Errorf("pages of %s", counts)
	}
	want := map[string]string{
		"1-1": "#held:w#1", "2-1": "w#0", "3-1": "w#0 w#1", "3-1:began": "w#1", "4-1": "#held:w#1", "5-1": "#held:w#1",
		"6-1": "#held:w#1", "7-1": "#held:w#1",
	}
	if got := s.blame(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := s.rdb.Exists(t.Context(), s.q.Worker("w#1"), s.q.Workers()).Val(); n != 0 {
		t.Errorf("the worker is still registered:\n%s", s.snapshot())
	}
}

func TestLeavePagesSkipAndRepeatNothing(t *testing.T) {
	t.Parallel()
	s := held(t, 7)
	s.must(s.rdb.Set(t.Context(), s.q.Caretaker(), "w#1", 0).Err())
	for i, n := range []int{3, 3, 1, 0, 0} {
		if got, err := wire.Leave(t.Context(), s.rdb, s.q, "w#1", wire.ParkReleased, 3); got != n || err != nil {
			t.Errorf("page %d: %d, %v", i, got, err)
		}
	}
	s.holds("afterwards", `stream 1-1(j-1) 2-1(j-2) 3-1(j-3) 4-1(j-4) 5-1(j-5) 6-1(j-6) 7-1(j-7) 1-1>~released×1 `+
		`2-1>~released×1 3-1>~released×1 4-1>~released×1 5-1>~released×1 6-1>~released×1 7-1>~released×1 [~released]`)
	if n := s.rdb.Exists(t.Context(), s.q.Worker("w#1"), s.q.Workers()).Val(); n != 0 {
		t.Error("the worker is still registered")
	}
}

func TestReclaimLeavesTheLivingAndTheBusyAlone(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	before := s.snapshot()
	page := wire.Reclaim{Consumer: "w#1", Count: 3}
	if done, err := wire.ReclaimEntries(t.Context(), s.rdb, s.q, page); !done.Alive || err != nil {
		t.Errorf("with a lease: %+v, %v", done, err)
	}
	v, err := wire.ReleaseOrphan(t.Context(), s.rdb, s.q, "w#1", ref("1-1")).Result()
	if v != wire.VerdictHeld || err != nil {
		t.Errorf("release: %d, %v", v, err)
	}
	if after := s.snapshot(); after != before {
		t.Errorf("it has made\n%s\nof\n%s", after, before)
	}
	s.must(s.rdb.ZRem(t.Context(), s.q.Workers(), "w#1").Err()) // a stray: it never had a lease
	page.Idle = time.Hour
	done, err := wire.ReclaimEntries(t.Context(), s.rdb, s.q, page)
	if done.Parked != 0 || done.Last.ID != "" || done.Alive || err != nil {
		t.Errorf("a busy stray: %+v, %v", done, err)
	}
	s.holds("a busy stray", "stream 1-1(j-1) 1-1>w#1×1 [w#1]")
	s.must(s.rdb.Do(t.Context(), "XCLAIM", s.q.Stream, s.q.Group, "w#1", 0, "1-1", "IDLE", 7_200_000, "JUSTID").Err())
	if done, err = wire.ReclaimEntries(t.Context(), s.rdb, s.q, page); done.Parked != 1 || err != nil {
		t.Errorf("an idle stray: %+v, %v", done, err)
	}
	s.holds("an idle stray", "crashed 1-1=#held:w#1 !\n stream 1-1(j-1) 1-1>~orphans×1 [~orphans]")
}

func TestReleaseOfAnOrphanIsRepeatable(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.endLease("w#1")
	s.must(s.rdb.HSet(t.Context(), s.q.Crashed(), "1-1", "w#0", "1-1:began", "w#1").Err())
	want := "crashed 1-1=w#0 w#1 1-1:began=w#1 !\n stream 1-1(j-1) 2-1(j-2) 1-1>~orphans×1 2-1>w#1×1 [w#1 ~orphans]"
	for _, step := range []struct {
		consumer, entry string
		want            wire.Verdict
	}{
		{"w#1", "1-1", wire.VerdictDone}, {"w#1", "1-1", wire.VerdictNotFound}, {wire.ParkOrphans, "1-1", wire.VerdictDone},
		{"w#2", "2-1", wire.VerdictNotFound}, {"w#1", "9-1", wire.VerdictNotFound},
	} {
		v, err := wire.ReleaseOrphan(t.Context(), s.rdb, s.q, step.consumer, ref(step.entry)).Result()
		if v != step.want || err != nil {
			t.Errorf("%+v: got %d, %v", step, v, err)
		}
		s.holds(fmt.Sprint(step), want)
	}
	entry := ref("2-1") // the registration is gone, but nobody has taken this one
	registered, acked, err := wire.Ack(t.Context(), s.rdb, s.q, "w#1", []wire.Done{{Entry: &entry}}, sameEpoch())
	if registered || len(acked) != 1 || err != nil {
		t.Errorf("ack: %t, %v, %v", registered, acked, err)
	}
}

// An entry is never lost because a key beside the stream is of another type.
func TestADamagedKeyLosesNoJob(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes {
		for _, name := range []string{"bodies", "delayed", "retrying", "dead", "dead:ids", "job:j-1", "cancelled"} {
			t.Run(o.name+" "+name, func(t *testing.T) {
				t.Parallel()
				s := held(t, 2)
				s.must(s.rdb.SAdd(t.Context(), s.q.Prefix+name, "damage").Err())
				before := s.value(s.q.Stream)
				done, err := o.end(s, "w#1")
				if err == nil {
					if !done {
						t.Error("nothing was done, without an error")
					}
					return
				}
				if !redis.HasErrorPrefix(err, "WRONGTYPE") || s.value(s.q.Stream) != before {
					t.Errorf("%v; the stream is %s", err, s.value(s.q.Stream))
				}
				if n := s.rdb.Exists(t.Context(), s.q.Totals()).Val(); n != 0 {
					t.Error("it was counted")
				}
			})
		}
	}
}
