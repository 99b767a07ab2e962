package wire_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// dies ends a worker's lease, and has what it held parked.
func (s *store) dies(consumer string) {
	s.Helper()
	s.endLease(consumer)
	page, err := wire.ReclaimEntries(s.Context(), s.rdb, s.q, wire.Reclaim{Consumer: consumer, Count: 9})
	if err != nil || page.Alive || len(page.Failures) > 0 {
		s.Fatalf("reclaim from %s: %+v, %v", consumer, page, err)
	}
}

// takes registers a worker that takes what is parked, and notes that some of it begins.
func (s *store) takes(consumer, primes string, begun ...string) []wire.Delivery {
	s.Helper()
	s.join(consumer)
	found, err := wire.ClaimParked(s.Context(), s.rdb, s.q,
		wire.Claim{Consumer: consumer, Count: 9, MaxCrashes: 3, Primes: 1, LastChances: 1, Bytes: 1 << 20}, intern)
	s.must(err)
	failures, err := wire.Begin(s.Context(), s.rdb, s.q, consumer, refs(strings.Fields(primes)...), refs(begun...))
	if err != nil || len(failures) > 0 {
		s.Fatalf("begin: %q, %v", failures, err)
	}
	return found
}

// blame returns the notes of crashes, without times and the workers that died.
func (s *store) blame() map[string]string {
	notes := s.rdb.HGetAll(s.Context(), s.q.Crashed()).Val()
	delete(notes, ":deaths")
	for field, note := range notes {
		if _, where, timed := strings.Cut(note, "/"); timed {
			notes[field] = where
		}
	}
	return notes
}

func TestOnlyWhatHadBegunIsToBlame(t *testing.T) {
	t.Parallel()
	s := held(t, 4)
	s.dies("w#1")
	s.takes("w#2", "", "1-1", "2-1")
	s.dies("w#2")
	s.takes("w#3", "1-1", "1-1", "3-1") // 2-1 is not taken, 4-1 only held, and 1-1 the prime suspect
	s.dies("w#3")
	want := map[string]string{
		"1-1": "#held:w#1 w#2 w#3", "2-1": "#held:w#1 w#2", "3-1": "#held:w#1", "4-1": "#held:w#1",
		"1-1:began": "w#3", "2-1:began": "w#2", "3-1:began": "w#3",
	}
	if got := s.blame(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.must(s.rdb.HSet(t.Context(), s.q.Crashed(), "3-1", "w#1").Err())
	for _, step := range []string{
		"1-1(1†3) 3-1(1†1) 4-1(1†0) ", "2-1(4†2) ", "", // to be buried, suspects, and then a last chance alone
	} {
		got := ""
		for _, d := range s.takes("w#4", "") {
			got += fmt.Sprintf("%s(%d†%d) ", d.Entry.Ref.ID, d.Suspicion, d.Crashes)
		}
		if got != step {
			t.Errorf("got %s, want %s", got, step)
		}
	}
}

func TestReadAheadIsNeverToBlame(t *testing.T) {
	t.Parallel()
	s := held(t, 1)
	s.dies("w#1")
	for _, consumer := range []string{"w#2", "w#3", "w#4", "w#5"} {
		s.takes(consumer, "")
		s.dies(consumer)
	}
	if found := s.takes("w#6", ""); found[0].Crashes != 0 || found[0].Suspicion != wire.Suspect {
		t.Errorf("got %+v", found[0])
	}
}

func TestAWorkerThatComesBackIsTakenOutOfTheNotes(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.dies("w#1")
	s.takes("w#2", "", "1-1")
	s.dies("w#2")
	if n := wire.Crashes(s.rdb.HGet(t.Context(), s.q.Crashed(), "1-1").Val()); n != 2 {
		t.Errorf("%d crashes before", n)
	}
	for _, consumer := range []string{"w#2", "w#1"} {
		if failures, err := wire.Absolve(t.Context(), s.rdb, s.q, consumer); err != nil || len(failures) > 0 {
			t.Errorf("%q, %v", failures, err)
		}
	}
	if notes := s.rdb.HGetAll(t.Context(), s.q.Crashed()).Val(); len(notes) != 0 {
		t.Errorf("got %v", notes)
	}
}

func TestNoJobIsToBlameForAWorkerThatWasStopping(t *testing.T) {
	t.Parallel()
	s := held(t, 7)
	s.must(s.rdb.HSet(t.Context(), s.q.Worker("w#1"), "state", wire.WorkerStopping).Err())
	s.endLease("w#1")
	page := wire.Reclaim{Consumer: "w#1", Count: 3}
	for range 3 {
		done, err := wire.ReclaimEntries(t.Context(), s.rdb, s.q, page)
		s.must(err)
		page.Behind, page.Blame = done.Last, done.Blame
	}
	if n := s.rdb.Exists(t.Context(), s.q.Crashed(), s.q.Worker("w#1")).Val(); n != 0 {
		t.Errorf("something is noted:\n%s", s.snapshot())
	}
}

// Where others die too, a worker that lived on for a while after a job had begun says a fifth of what another does.
func TestALateCrashSaysLessWhereOthersDie(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.dies("w#1")
	late := func(consumer string) {
		t.Helper()
		s.takes(consumer, "1-1", "1-1")
		s.must(s.rdb.HSet(t.Context(), s.q.Crashed(), "1-1:began", "1000/"+consumer).Err())
		s.must(s.rdb.HSet(t.Context(), s.q.Worker(consumer), "lease_ms", 1).Err())
		s.must(s.rdb.ZAdd(t.Context(), s.q.Workers(), redis.Z{Score: 2000, Member: consumer}).Err())
		page, err := wire.ReclaimEntries(t.Context(), s.rdb, s.q, wire.Reclaim{Consumer: consumer, Count: 9})
		if err != nil || page.Alive || len(page.Failures) > 0 {
			t.Fatalf("reclaim from %s: %+v, %v", consumer, page, err)
		}
	}
	want := "#held:w#1 w#2"
	late("w#2") // nobody else has died but with it
	for _, other := range []string{"o#1", "o#2", "o#3", "o#4"} {
		s.join(other)
		s.dies(other)
	}
	for n := 3; n < 8; n++ {
		if found := s.blame()["1-1"]; found != want {
			t.Fatalf("got %q, want %q", found, want)
		}
		late(fmt.Sprintf("w#%d", n))
		want += fmt.Sprintf(" #late:w#%d", n)
	}
	found := s.takes("w#8", "")
	if found[0].Crashes != 3 || wire.Crashes(want) != 3 || wire.Crashes("#held:w#1 #late:w#3") != 0 {
		t.Errorf("got %+v, %d of the note %q", found[0], wire.Crashes(want), s.blame()["1-1"])
	}
	if names := strings.Join(wire.CrashedWorkers(want), " "); names != "w#1 w#2 w#3 w#4 w#5 w#6 w#7" {
		t.Errorf("named are %s", names)
	}
	for _, consumer := range []string{"w#3", "o#1"} { // they come back
		if failures, err := wire.Absolve(t.Context(), s.rdb, s.q, consumer); err != nil || len(failures) > 0 {
			t.Errorf("%q, %v", failures, err)
		}
	}
	if got := s.blame()["1-1"]; got != strings.Replace(want, " #late:w#3", "", 1) {
		t.Errorf("then %q", got)
	}
	if dead := s.rdb.HGet(t.Context(), s.q.Crashed(), ":deaths").Val(); strings.Contains(dead, "o#1") ||
		!strings.Contains(dead, "/o#2 ") {
		t.Errorf("of the dead there are %s", dead)
	}
}

// A worker that died and held nothing is remembered for as long as a crash is, and no longer.
func TestADeathIsNotRememberedForEver(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.join("w#1")
	s.dies("w#1")
	if ttl := s.rdb.TTL(t.Context(), s.q.Crashed()).Val(); ttl <= 0 || ttl > wire.CrashedKept {
		t.Errorf("it is remembered for %s", ttl)
	}
}

// What versions before have noted reads as before.
func TestNotesOfBeforeAreReadAsBefore(t *testing.T) {
	t.Parallel()
	for note, want := range map[string]int{"": 0, "w#1": 1, "w#1 w#2": 2, "#held:w#1": 0, "#held:w#1 w#2": 2} {
		if got := wire.Crashes(note); got != want {
			t.Errorf("%q: %d, want %d", note, got, want)
		}
	}
}

// Of several prime suspects that run, each may be to blame, and what else runs is not.
func TestRunningPrimeSuspectsAreToBlameTogether(t *testing.T) {
	t.Parallel()
	s := held(t, 4)
	s.dies("w#1")
	s.takes("w#2", "9-9 1-1 2-1", "1-1", "2-1", "3-1") // 9-9 has ended meanwhile
	s.dies("w#2")
	want := map[string]string{
		"1-1": "#held:w#1 w#2", "2-1": "#held:w#1 w#2", "3-1": "#held:w#1", "4-1": "#held:w#1",
		"1-1:began": "w#2", "2-1:began": "w#2", "3-1:began": "w#2",
	}
	if got := s.blame(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A last chance is not taken by a worker that runs a prime suspect, and one that has it takes no other suspect.
func TestLastChancesAndPrimeSuspectsAreTakenApart(t *testing.T) {
	t.Parallel()
	s := held(t, 2)
	s.join("w#2")
	s.park(wire.ParkOrphans, "1-1", "2-1")
	s.must(s.rdb.HSet(t.Context(), s.q.Crashed(), "1-1", "a b c d", "2-1", "a b c").Err())
	for _, step := range []struct {
		primes, last int64
		want         string
	}{{0, 0, ""}, {1, 0, "2-1(j-2)×2†3 "}, {1, 0, ""}, {0, 1, "1-1(j-1)×2†4 "}} {
		found, err := wire.ClaimParked(t.Context(), s.rdb, s.q, wire.Claim{
			Consumer: "w#2", Count: 9, MaxCrashes: 5, Primes: step.primes, LastChances: step.last, Bytes: 1 << 20,
		}, intern)
		if got := lines(found); err != nil || got != step.want {
			t.Errorf("with %+v: got %q, %v", step, got, err)
		}
	}
}

// A job that has crashed enough workers waits until the last of them has had time to come back, and is a suspect again
// if that does.
func TestADoomedJobWaitsToBeBuried(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		s := held(t, 1)
		s.must(s.rdb.HSet(t.Context(), s.q.Crashed(), "1-1", "a b", "1-1:began", "w#1").Err())
		s.dies("w#1")
		s.join("w#2")
		claim := wire.Claim{
			Consumer: "w#2", Count: 9, MaxCrashes: 3, LastChances: 1, BuryAfter: time.Minute, Bytes: 1 << 20,
		}
		found, err := wire.ClaimParked(t.Context(), s.rdb, s.q, claim, intern)
		if err != nil || len(found) > 0 {
			t.Fatalf("at once: %s, %v", lines(found), err)
		}
		want := "1-1(j-1)×2†3 "
		if back {
			_, err := wire.Absolve(t.Context(), s.rdb, s.q, "w#1")
			s.must(err)
			want = "1-1(j-1)×2†2 "
		} else {
			s.must(s.rdb.Do(t.Context(), "XCLAIM", s.q.Stream, s.q.Group, wire.ParkOrphans, 0, "1-1", "IDLE", 61_000,
				"RETRYCOUNT", 1, "JUSTID").Err())
		}
		found, err = wire.ClaimParked(t.Context(), s.rdb, s.q, claim, intern)
		if got := lines(found); err != nil || got != want {
			t.Errorf("back %t: got %q, %v, want %q", back, got, err, want)
		}
	}
}
