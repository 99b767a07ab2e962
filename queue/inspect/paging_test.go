package inspect_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// ties brings jobs "j0" to "j9" into a state, all of one millisecond, and returns them in the order of the list.
func (w *world) ties(state inspect.State) (ids []string) {
	w.Helper()
	w.known()
	ctx, stream := w.Context(), w.stream()
	index, isKept := map[inspect.State]string{
		inspect.StateDead: "dead:ids", inspect.StateCancelled: "cancelled:ids", inspect.StateExpired: "expired:ids",
	}[state]
	if isKept {
		stream = map[inspect.State]string{
			inspect.StateDead: w.key("dead"), inspect.StateCancelled: w.key("cancelled:jobs"),
			inspect.StateExpired: w.key("expired:jobs"),
		}[state]
	}
	for n := range 10 {
		id := fmt.Sprintf("j%d", n)
		ids = append(ids, id)
		switch state {
		case inspect.StateDelayed, inspect.StateRetrying:
			key := map[inspect.State]string{inspect.StateDelayed: w.key("delayed"),
				inspect.StateRetrying: w.key("retrying")}[state]
			w.must(w.rdb.HSet(ctx, w.key("bodies"), id, wire.EncodeBody("k", "", []byte("{}"))).Err())
			w.must(w.rdb.ZAdd(ctx, key, z(id, 7000)).Err())
		default:
			values := []string{"id", id, "kind", "k", "data", "{}"}
			w.must(w.rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: fmt.Sprintf("7000-%d", n+1), Values: values}).Err())
			if isKept {
				w.must(w.rdb.HSet(ctx, w.key(index), id, fmt.Sprintf("7000-%d", n+1)).Err())
			}
		}
		if state == inspect.StateInFlight {
			w.hold(nobody)
		}
	}
	if isKept {
		slices.Reverse(ids)
	}
	return ids
}

// pages goes through a list and returns the IDs in their order.
func (w *world) pages(query inspect.Query, page inspect.Page) (ids []string, scanned int64) {
	w.Helper()
	for range 1000 {
		found := w.search(query, page)
		for _, job := range found.Jobs {
			ids = append(ids, job.ID)
		}
		scanned += found.Scanned
		if page.Cursor = found.Next; found.Next == "" {
			return ids, scanned
		}
	}
	w.Fatal("the list never ends")
	return nil, 0
}

func (w *world) search(query inspect.Query, page inspect.Page) inspect.SearchPage {
	w.Helper()
	found, err := w.look.Search(w.Context(), "orders", query, page)
	w.must(err)
	return found
}

// known notes the queue, as its first client does.
func (w *world) known() {
	w.Helper()
	w.must(w.rdb.HSet(w.Context(), w.namespace+":queues", "orders", "{}").Err())
}

// listed lists the states whose jobs can be listed.
func listed() (states []inspect.State) {
	for _, s := range inspect.States() {
		if s.Listed() {
			states = append(states, s)
		}
	}
	return states
}

// Jobs of one millisecond are listed once each, in one order, whatever the pages' size.
func TestPagesOfJobsOfOneMillisecond(t *testing.T) {
	t.Parallel()
	for _, state := range listed() {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			want := w.ties(state)
			for _, query := range []inspect.Query{{State: state}, {State: state, Kind: "k"}} {
				for _, page := range []inspect.Page{{}, {Limit: 1}, {Limit: 3}, {Limit: 10}, {MaxScan: 1}, {Limit: 2,
					MaxScan: 3}} {
					if ids, scanned := w.pages(query, page); !slices.Equal(ids, want) || scanned != 10 {
						t.Errorf("%+v: %v of %d looked at", page, ids, scanned)
					}
				}
			}
		})
	}
}

// A list goes on behind the job that its cursor names, also when that job and the next one have gone.
func TestPagesBehindAJobThatHasGone(t *testing.T) {
	t.Parallel()
	for _, state := range listed() {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			want := w.ties(state)
			first := w.search(inspect.Query{State: state}, inspect.Page{Limit: 4})
			for _, id := range want[3:5] {
				w.must(w.look.Delete(t.Context(), "orders", id))
			}
			ids, _ := w.pages(inspect.Query{State: state}, inspect.Page{Limit: 2, Cursor: first.Next})
			if len(first.Jobs) != 4 || !slices.Equal(ids, want[5:]) {
				t.Errorf("behind %s: %v, want %v", first.Next, ids, want[5:])
			}
		})
	}
}

// A cursor that no page has returned is refused, or begins the list anew: it never ends in anything else.
func TestCursorsThatNoPageReturned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, state := range []inspect.State{inspect.StateDead, inspect.StateRetrying, inspect.StateInFlight,
		inspect.StateDelayed} {
		w.inState(state)
	}
	w.inState(inspect.StateWaiting)
	for _, state := range listed() {
		for _, cursor := range []string{"x", "-", "+", "(", "1-", "-1-0", "x:y", ":", "1:", "\xff", strings.Repeat("9",
			500), "(1-1", "inf:x"} {
			found, err := w.look.Search(t.Context(), "orders", inspect.Query{State: state}, inspect.Page{Cursor: cursor})
			if err != nil && !strings.HasPrefix(err.Error(), "queue: search orders: ") || len(found.Jobs) > 1 ||
				found.Next == cursor {
				t.Errorf("%s, %.40q: %+v, %v", state, cursor, found, err)
			}
		}
	}
}

func TestBoundsOfPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known()
	pipe := w.rdb.Pipeline()
	const n = 1010
	for range n {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: w.stream(), Values: []string{"id", "j", "kind", "k", "data",
			"{}"}})
	}
	_, err := pipe.Exec(t.Context())
	w.must(err)
	everything, some := inspect.Query{State: inspect.StateWaiting}, inspect.Query{State: inspect.StateWaiting, Kind: "k"}
	none := inspect.Query{State: inspect.StateWaiting, Kind: "other"}
	for _, c := range []struct {
		query         inspect.Query
		page          inspect.Page
		jobs, scanned int
		truncated     bool
	}{
		{everything, inspect.Page{}, 50, 50, false}, {everything, inspect.Page{Limit: -1}, 50, 50, false},
		{everything, inspect.Page{Limit: math.MaxInt}, 1000, 1000, false}, {everything, inspect.Page{MaxScan: 1}, 50, 50,
			false},
		{some, inspect.Page{Limit: math.MinInt}, 50, 50, false}, {some, inspect.Page{Limit: 5000}, 1000, 1000, false},
		{some, inspect.Page{MaxScan: 7}, 7, 7, true}, {some, inspect.Page{Limit: 7, MaxScan: 7}, 7, 7, false},
		{none, inspect.Page{MaxScan: 1}, 0, 1, true}, {none, inspect.Page{MaxScan: n - 1}, 0, n - 1, true},
		{none, inspect.Page{MaxScan: n + 1}, 0, n, false}, {none, inspect.Page{MaxScan: -5}, 0, n, false},
	} {
		found := w.search(c.query, c.page)
		if len(found.Jobs) != c.jobs || found.Scanned != int64(c.scanned) || found.Truncated != c.truncated ||
			found.Total != n {
			t.Errorf("%s, %+v: %d jobs of %d, truncated %t", c.query, c.page, len(found.Jobs), found.Scanned, found.Truncated)
		}
		if end := c.scanned == n; (found.Next == "") != end {
			t.Errorf("%s, %+v: next %q", c.query, c.page, found.Next)
		}
	}
	for maxScan, want := range map[int]inspect.Count{
		1: {Matched: 1, Scanned: 1, Total: n, Truncated: true}, -1: {Matched: n, Scanned: n, Total: n},
		1005: {Matched: 1005, Scanned: 1005, Total: n, Truncated: true},
	} {
		if count, err := w.look.CountMatching(t.Context(), "orders", some, maxScan); err != nil || count != want {
			t.Errorf("%d: %+v, %v", maxScan, count, err)
		}
	}
}

func z(member string, score float64) redis.Z { return redis.Z{Member: member, Score: score} }
