package inspect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue/inspect"
)

// When Redis deletes whole keys because it is full, the books say which and how much was in them.
func TestKeysThatAreGoneAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone []string // keys of the queue, "" is the stream
		says string
		lost map[string]int64
	}{
		"the stream": {[]string{""}, "is gone, with all that waited and ran: 3 waited and 2 ran when a worker looked last",
			map[string]int64{"stream": 5}},
		"the totals": {[]string{"stats"}, "what has become of 2 jobs is not known",
			map[string]int64{"stream": 2, "dead": -1, "delayed and retrying": -1}},
		"what is delayed": {[]string{"delayed", "bodies"}, "", map[string]int64{"delayed and retrying": 1}},
		"the dead":        {[]string{"dead"}, "is known by its ID, and its entry", map[string]int64{"dead": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.inState(inspect.StateDead)
			w.inState(inspect.StateDead)
			if name != "the stream" {
				query := inspect.Query{State: inspect.StateDead}
				dead, err := w.look.Search(t.Context(), "orders", query, inspect.Page{Limit: 1})
				w.must(err)
				w.must(w.look.Delete(t.Context(), "orders", dead.Jobs[0].ID))
			}
			w.inState(inspect.StateDelayed)
			minute := fmt.Sprintf("stats:%d", time.Now().Unix()/60)
			w.must(w.rdb.HSet(t.Context(), w.key(minute), "waiting", 3, "in_flight", 2).Err())
			for _, key := range c.gone {
				if key = w.key(key); c.gone[0] == "" {
					key = w.stream()
				}
				w.must(w.rdb.Del(t.Context(), key).Err())
			}
			audit, err := w.look.Verify(t.Context(), "orders", nil)
			w.must(err)
			if audit.OK() || c.says != "" && !strings.Contains(strings.Join(audit.Missing, "\n"), c.says) {
				t.Errorf("missing: %q, want %q", audit.Missing, c.says)
			}
			for _, b := range audit.Balances {
				if b.Lost() != c.lost[b.Place] {
					t.Errorf("%+v: %d lost, want %d", b, b.Lost(), c.lost[b.Place])
				}
			}
		})
	}
}

func TestAStreamThatWasMadeAnewIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inState(inspect.StateDead)
	w.inState(inspect.StateDead)
	w.must(w.rdb.Del(t.Context(), w.stream()).Err())
	w.enqueue("k", `{}`)
	audit, err := w.look.Verify(t.Context(), "orders", nil)
	w.must(err)
	if len(audit.Missing) != 1 || !strings.Contains(audit.Missing[0], "was made anew: 2 jobs have left it and 1 came") {
		t.Errorf("got %q", audit.Missing)
	}
}

// A queue of which nothing is left is not one that was never there.
func TestAQueueThatWasEvictedIsNotUnknown(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t, "--maxmemory-policy", "allkeys-random").Client(t)
	look, err := inspect.New(rdb, inspect.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = look.Verify(t.Context(), "orders", nil)
	if !errors.Is(err, inspect.ErrNotFound) || strings.Contains(err.Error(), "evicted") {
		t.Errorf("before anything was evicted: %v", err)
	}
	for k := range 100 {
		rdb.Set(t.Context(), fmt.Sprint(k), "", 0)
	}
	rdb.ConfigSet(t.Context(), "maxmemory", "1") // the next command finds Redis full
	rdb.Set(t.Context(), "one more", "", 0)
	rdb.ConfigSet(t.Context(), "maxmemory", "0")
	evicted, err := look.Evictions(t.Context())
	if evicted.Keys == 0 || evicted.Policy != "allkeys-random" || err != nil {
		t.Fatalf("got %+v, %v", evicted, err)
	}
	_, err = look.Verify(t.Context(), "orders", nil)
	if !errors.Is(err, inspect.ErrNotFound) || !strings.Contains(err.Error(), evicted.String()) {
		t.Errorf("got %v", err)
	}
	// its registry has gone
	rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "navvy:{orders}", Values: []string{"kind", "k"}})
	audit, err := look.Verify(t.Context(), "orders", nil)
	if err != nil || audit.Evicted != evicted || len(audit.Missing) != 1 ||
		!strings.HasPrefix(audit.Missing[0], "the registry of queues does not name orders") {
		t.Errorf("got %+v, %v", audit, err)
	}
}
