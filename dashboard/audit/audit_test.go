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

func TestTheTrailIsBoundedAndHasItsKey(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	pipe := rdb.Pipeline()
	for range 12_000 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "navvy:audit", Values: []any{"who", "ana"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := audit.New(rdb, "").Add(t.Context(), audit.Entry{What: "queue.pause"}); err != nil {
		t.Fatal(err)
	}
	if n := rdb.XLen(t.Context(), "navvy:audit").Val(); n < 10_000 || n > 11_000 {
		t.Errorf("%d entries are kept, not about 10,000", n)
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
