package audit_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/dashboard/audit"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/inspect"
)

func TestMain(m *testing.M) {
	logging.Disable()
	code := redistest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestTheLatestEntriesComeFirst(t *testing.T) {
	t.Parallel()
	trail := audit.New(redistest.Shared(t).Client(t), redistest.Namespace())
	if entries, err := trail.List(t.Context(), "", 2); err != nil || len(entries) != 0 {
		t.Fatalf("a trail that nobody has left: %+v, %v", entries, err)
	}
	for n := range 3 {
		e := audit.Entry{Who: "ana", What: "queue.pause", Target: "orders", Detail: fmt.Sprint(n)}
		if err := trail.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	last, err := trail.List(t.Context(), "", 2)
	if err != nil || len(last) != 2 || last[0].Detail != "2" || last[1].Detail != "1" {
		t.Fatalf("the last two: %+v, %v", last, err)
	}
	if age := time.Since(last[0].At); age < -time.Minute || age > time.Minute {
		t.Errorf("an entry of now is %s old", age)
	}
	first, err := trail.List(t.Context(), last[1].ID, 2)
	if err != nil || len(first) != 1 {
		t.Fatalf("those before: %+v, %v", first, err)
	}
	want := audit.Entry{ID: first[0].ID, At: first[0].At, Who: "ana", What: "queue.pause", Target: "orders", Detail: "0"}
	if first[0] != want {
		t.Errorf("got %+v, want %+v", first[0], want)
	}
}

func TestAnEntryIsWrittenAlsoAfterTheEnd(t *testing.T) {
	t.Parallel()
	trail := audit.New(redistest.Shared(t).Client(t), redistest.Namespace())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := trail.Add(ctx, audit.Entry{What: "queue.pause"}); err != nil {
		t.Error(err)
	}
	if entries, err := trail.List(t.Context(), "", 2); err != nil || len(entries) != 1 {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestTheTrailIsTrimmedByAgeAndNotByNoise(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	old := time.Now().Add(-401 * 24 * time.Hour).UnixMilli()
	pipe := rdb.Pipeline()
	for n := range 12_000 {
		id := "*"
		if n < 1000 {
			id = fmt.Sprintf("%d-%d", old, n)
		}
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "navvy:audit", ID: id, Values: []any{"who", "ana"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := audit.New(rdb, "").Add(t.Context(), audit.Entry{What: "queue.pause"}); err != nil {
		t.Fatal(err)
	}
	if n := rdb.XLen(t.Context(), "navvy:audit").Val(); n < 11_001 || n > 11_101 {
		t.Errorf("%d entries are kept, want the 11,001 that are not too old, and a few of the old ones", n)
	}
}

func TestRefusalsHaveABoundedTrailOfTheirOwn(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	pipe := rdb.Pipeline()
	for range 25_000 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "navvy:audit:refused", Values: []any{"who", "ana"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	trail := audit.New(rdb, "")
	for _, err := range []error{
		trail.Add(t.Context(), audit.Entry{What: "queue.pause"}),
		trail.Refused().Add(t.Context(), audit.Entry{What: "login.failed"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := rdb.XLen(t.Context(), "navvy:audit:refused").Val(); n < 20_000 || n > 21_000 {
		t.Errorf("%d refusals are kept, not about 20,000", n)
	}
	entries, err := trail.List(t.Context(), "", 10)
	if err != nil || len(entries) != 1 || entries[0].What != "queue.pause" {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestExportHasEveryEntryInOrder(t *testing.T) {
	t.Parallel()
	trail := audit.New(redistest.Shared(t).Client(t), redistest.Namespace())
	const n = 1200 // more than two pages
	for i := range n {
		e := audit.Entry{What: fmt.Sprint(i), Address: "10.0.0.1", Before: "a", After: strings.Repeat("b", 10_000)}
		if i%100 != 0 {
			e = audit.Entry{What: fmt.Sprint(i)}
		}
		if err := trail.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	next := 0
	err := trail.Export(t.Context(), time.Time{}, func(e audit.Entry) error {
		if e.What != fmt.Sprint(next) {
			t.Fatalf("%+v after %d entries", e, next)
		}
		if next%100 == 0 && (e.Address != "10.0.0.1" || e.Before != "a" || len(e.After) > 8300 ||
			!strings.HasSuffix(e.After, "(10000 bytes)")) {
			t.Errorf("%+v", e)
		}
		next++
		return nil
	})
	if err != nil || next != n {
		t.Errorf("%d entries, %v", next, err)
	}
	if err := trail.Export(t.Context(), time.Now().Add(time.Hour), func(e audit.Entry) error {
		return fmt.Errorf("%+v", e)
	}); err != nil {
		t.Error(err)
	}
}

func TestEveryIDIsInALine(t *testing.T) {
	t.Parallel()
	var ids, lines []string
	all := audit.NewIDs(func(line string) { lines = append(lines, line) })
	for i := range 1000 {
		id := fmt.Sprintf("job-%027d", i)
		ids = append(ids, id)
		all.Add(id)
	}
	all.Flush()
	for what, got := range map[string][]string{"chunks": audit.Chunks(ids), "collected": lines} {
		if strings.Join(got, " ") != strings.Join(ids, " ") || len(got) != 8 {
			t.Errorf("%s: %d lines", what, len(got))
		}
	}
}

func TestAFloodOfRefusalsIsNotedInPart(t *testing.T) {
	t.Parallel()
	var throttle audit.Throttle
	now, noted := time.Now(), 0
	for i := range 10_000 {
		if _, ok := throttle.Note(audit.Entry{What: "login.failed", Who: fmt.Sprint(i)}, now); ok {
			noted++
		}
	}
	if noted != 600 {
		t.Errorf("%d noted in a minute", noted)
	}
	e, ok := throttle.Note(audit.Entry{What: "login.failed", Who: "ana"}, now.Add(time.Minute))
	if !ok || !strings.Contains(e.Detail, "9400 like it") {
		t.Errorf("%+v, %t", e, ok)
	}
	if _, ok := throttle.Note(audit.Entry{What: "login.failed", Who: "ana"}, now.Add(time.Minute)); ok {
		t.Error("the same is noted twice within a minute")
	}
}

func TestARedisThatIsAwayIsGivenUpAndNamed(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, DialerRetries: 1, MaxRetries: -1})
	defer rdb.Close()
	server.Kill()
	trail := audit.New(rdb, "")
	if err := trail.Add(t.Context(), audit.Entry{What: "queue.pause"}); err == nil ||
		!strings.Contains(err.Error(), "audit: add queue.pause: ") {
		t.Errorf("add: %v", err)
	}
	if _, err := trail.List(t.Context(), "", 1); err == nil {
		t.Error("a dead Redis could be read")
	}
}

func TestMatching(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"dead: 1 job":                audit.Matching(inspect.StateDead, "", inspect.Count{Matched: 1}),
		"in_flight kind:k a: 0 jobs": audit.Matching(inspect.StateInFlight, "kind:k a ", inspect.Count{}),
		"dead kind:k: at least 1200 jobs (of the first 10000 looked at)": audit.Matching(inspect.StateDead, "kind:k",
			inspect.Count{Matched: 1200, Scanned: 10_000, Truncated: true}),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
