package wire_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// enqueueAll sends jobs in one call, and returns what became of each: "ok", "<ID> <state>" of a duplicate, or the first
// word of an error.
func (s *store) enqueueAll(jobs ...*wire.Enqueue) string {
	s.Helper()
	reply, err := s.rdb.Do(s.Context(), wire.EnqueueArgs(s.q, jobs, true)...).Result()
	if err != nil {
		return firstWord(err)
	}
	cells, err := wire.ReadEnqueue(reply, len(jobs))
	s.must(err)
	var words []string
	for _, cell := range cells {
		found, err := wire.ReadEnqueued(cell)
		switch {
		case err != nil:
			words = append(words, firstWord(err))
		case found != nil:
			words = append(words, strings.TrimSpace(found.ID+" "+found.State))
		default:
			words = append(words, "ok")
		}
	}
	return strings.Join(words, ", ")
}

func firstWord(err error) string {
	word, _, _ := strings.Cut(err.Error(), " ")
	return word
}

func chosen(id, call string) *wire.Enqueue {
	return &wire.Enqueue{ID: id, Kind: "mail", Meta: `{"guarded":true}`, Call: call, Window: time.Hour}
}

func unique(id, key string) *wire.Enqueue {
	return &wire.Enqueue{ID: id, Kind: "mail", UniqueKey: key, UniqueFor: time.Hour}
}

func later(e *wire.Enqueue) *wire.Enqueue {
	due := time.UnixMilli(9000)
	e.Due = &due
	return e
}

func TestEachJobOfACallIsEnqueuedOrADuplicate(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.must(s.rdb.Set(t.Context(), s.q.IDMarker("marked"), "of an earlier version", time.Hour).Err())
	s.must(s.rdb.HSet(t.Context(), s.q.IDs(), "nowhere", "before 1000 stream:1-1").Err())
	if got := s.enqueueAll(chosen("there", "a")); got != "ok" {
		t.Fatal(got)
	}
	calls := []*wire.Enqueue{
		chosen("j-1", "b1"), chosen("there", "b2"), chosen("j-2", "b3"), chosen("j-1", "b4"), chosen("marked", "b5"),
		chosen("nowhere", "b6"), chosen("j-3", "b7"),
	}
	if got, want := s.enqueueAll(calls...), "ok, there waiting, ok, j-1 waiting, marked, ok, ok"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	order := s.order()
	if order != "there j-1 j-2 nowhere j-3" {
		t.Errorf("in the stream are %s", order)
	}
	// A call that is repeated has no second effect on any of its jobs.
	if got, want := s.enqueueAll(calls...), "ok, there waiting, ok, j-1 waiting, marked, ok, ok"; got != want {
		t.Errorf("again: got  %s\nwant %s", got, want)
	}
	if again := s.order(); again != order {
		t.Errorf("again: in the stream are %s", again)
	}
}

// order lists the jobs of the stream.
func (s *store) order() string {
	s.Helper()
	var ids []string
	for _, entry := range s.rdb.XRange(s.Context(), s.q.Stream, "-", "+").Val() {
		ids = append(ids, fmt.Sprint(entry.Values["id"]))
	}
	return strings.Join(ids, " ")
}

// What is wrong with the key of one job is its own error.
func TestADamagedUniqueKeyFailsNoOtherJobOfTheCall(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.must(s.rdb.HSet(t.Context(), s.q.Unique("damaged"), "a", "b").Err())
	s.must(s.rdb.Set(t.Context(), s.q.Unique("held"), "j-0", time.Hour).Err())
	calls := []*wire.Enqueue{
		unique("j-1", "u-1"), unique("j-2", "damaged"), unique("j-3", "held"), unique("j-4", "u-1"), unique("j-5", "u-5"),
	}
	if got, want := s.enqueueAll(calls...), "ok, WRONGTYPE, j-0, j-1, ok"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if order := s.order(); order != "j-1 j-5" {
		t.Errorf("in the stream are %s", order)
	}
	if got, want := s.enqueueAll(calls...), "ok, WRONGTYPE, j-0, j-1, ok"; got != want {
		t.Errorf("again: got  %s\nwant %s", got, want)
	}
	if order := s.order(); order != "j-1 j-5" {
		t.Errorf("again: in the stream are %s", order)
	}
}

func TestDelayedJobsOfACall(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	plain := func(id string) *wire.Enqueue { return later(&wire.Enqueue{ID: id, Kind: "mail"}) }
	if got := s.enqueueAll(plain("j-1"), plain("j-2")); got != "ok, ok" {
		t.Errorf("plain: %s", got)
	}
	if got := s.enqueueAll(later(chosen("j-3", "a")), later(chosen("j-3", "b"))); got != "ok, j-3 delayed" {
		t.Errorf("with an ID: %s", got)
	}
	if got := s.enqueueAll(later(unique("j-4", "u")), later(unique("j-5", "u"))); got != "ok, j-4 delayed" {
		t.Errorf("with a key: %s", got)
	}
	s.holds("delayed", `bodies j-1=4 0 mail j-2=4 0 mail j-3=4 16 mail{"guarded":true} j-4=4 0 mail
		delayed j-1:9000 j-2:9000 j-3:9000 j-4:9000
		ids j-3=a 3600000 bodies
		stats scheduled=4
		stream []
		unique:u j-4 !`)
	n, _, err := wire.Promote(t.Context(), s.rdb, s.q, given(9000), 100)
	if s.must(err); n != 4 || s.order() != "j-1 j-2 j-3 j-4" {
		t.Errorf("%d were promoted: %s", n, s.order())
	}
	if place := s.rdb.HGet(t.Context(), s.q.IDs(), "j-3").Val(); !strings.HasPrefix(place, "a 3600000 stream:") {
		t.Errorf("the guard says %s", place)
	}
}

// The result of an earlier job of a chosen ID goes when the ID is used again.
func TestAnIDThatIsUsedAgainHasNoResultYet(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.must(s.rdb.Set(t.Context(), s.q.Result("j-1"), "of before", time.Hour).Err())
	s.must(s.rdb.HSet(t.Context(), s.q.Job("j-1"), "ended_ms", "1").Err())
	if got := s.enqueueAll(chosen("j-1", "a"), chosen("j-2", "b")); got != "ok, ok" {
		t.Fatal(got)
	}
	if n := s.rdb.Exists(t.Context(), s.q.Result("j-1"), s.q.Job("j-1")).Val(); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

// Jobs that need the same keys may be in one call, and no others.
func TestCompanionsUseTheSameKeys(t *testing.T) {
	t.Parallel()
	kinds := []*wire.Enqueue{
		later(&wire.Enqueue{}), chosen("a", "a"), unique("b", "b"), later(chosen("c", "c")), later(unique("d", "d")),
	}
	for i, a := range kinds {
		for j, b := range kinds {
			if got := a.Companion(b); got != (i == j) {
				t.Errorf("%d and %d: %t", i, j, got)
			}
		}
	}
}

// Large jobs are promoted a few at a time, and those that are left are due at once.
func TestAPromotionIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	body := wire.EncodeBody("mail", "", []byte(strings.Repeat("x", 20_000)))
	for n := range 50 {
		id := fmt.Sprintf("j-%02d", n)
		s.must(s.rdb.HSet(t.Context(), s.q.Bodies(), id, body).Err())
		s.must(s.rdb.ZAdd(t.Context(), s.q.Retrying(), redis.Z{Score: float64(n), Member: id}).Err())
	}
	n, next, err := wire.Promote(t.Context(), s.rdb, s.q, given(1000), 100)
	if s.must(err); n != 20 || next != 0 {
		t.Errorf("%d were promoted, the next in %s", n, next)
	}
}
