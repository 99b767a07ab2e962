package inspect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// Whatever lies in Redis is shown as JSON, and nothing of it breaks a list.
func TestOddEntriesAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue("k", `{}`)
	for _, fields := range [][]any{
		{"id", "a", "kind", "k", "data", "not JSON"},
		{"id", "b", "kind", "k", "data", "\xff\x00binary"},
		{"id", "c", "kind", "k", "data", ""},
		{"id", "d", "kind", "k", "data", "{}", "meta", "{"},
		{"id", "e", "kind", "k", "data", "{}", "meta", `{"attempt":-3,"enqueued_ms":-1}`},
		{"id", "f", "kind", "k", "data", "{}", "meta", `{"enqueued_ms":9223372036854775807}`},
		{"kind", "k"},
		{"colour", "red"},
		{"id", "", "kind", "", "data", ""},
		{"id", "g", "kind", strings.Repeat("k", 10_000), "data", strings.Repeat("[", 10_000)},
	} {
		w.must(w.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: w.stream(), Values: fields}).Err())
	}
	page, err := w.look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, inspect.Page{})
	w.must(err)
	if len(page.Jobs) != 11 {
		t.Errorf("%d jobs are listed, want 11", len(page.Jobs))
	}
	for _, job := range page.Jobs {
		text, err := json.Marshal(job)
		if err != nil || !json.Valid(text) || !utf8.Valid(text) || bytes.Contains(text, []byte(`\ufffd`)) {
			t.Errorf("%s is not shown as JSON: %v, %s", job.ID, err, text)
		}
		if job.ID == "b" && string(job.Data) != `{";base64":"/wBiaW5hcnk="}` {
			t.Errorf("binary data is shown as %s", job.Data)
		}
		if job.Attempt < 0 {
			t.Errorf("%s has %d attempts", job.ID, job.Attempt)
		}
	}
	w.hold(nobody)
	held, err := w.look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateInFlight}, inspect.Page{})
	if err != nil || len(held.Jobs) != 11 {
		t.Errorf("%d are held, %v", len(held.Jobs), err)
	}
}

func TestDamagedBodiesAndRecordsAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := []string{w.inState(inspect.StateDelayed), w.inState(inspect.StateDelayed), w.inState(inspect.StateDelayed)}
	w.must(w.rdb.HSet(t.Context(), w.key("bodies"), ids[0], "99 99 short", ids[1], "", ids[2], "1 2 k{x{}").Err())
	for _, id := range ids {
		job := w.job(id)
		if job.State != inspect.StateDelayed || job.Due == nil || job.Error == "" {
			t.Errorf("%s: got %+v", id, job)
		}
	}
	w.must(w.rdb.HSet(t.Context(), w.key("job:j-1"), "ended_ms", "no number", "attempt", "x", "result", "\xff",
		"progress", "{", "data", "oh").Err())
	job := w.job("j-1")
	if job.State != inspect.StateDone || job.Progress != nil || !json.Valid(job.Result) || !json.Valid(job.Data) {
		t.Errorf("got %+v", job)
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	due := time.Now().Add(time.Hour)
	for n := range 7 { // of the same millisecond: distinct by their IDs alone
		w.enqueue("delayed", `{}`, queue.At(due), queue.ID(fmt.Sprintf("same-%d", n)))
	}
	for range 7 {
		w.enqueue("waiting", `{}`)
	}
	for _, state := range []inspect.State{inspect.StateDelayed, inspect.StateWaiting} {
		for _, limit := range []int{1, 2, 3, 7, 8} {
			seen, page := map[string]int{}, inspect.Page{Limit: limit}
			for {
				got, err := w.look.Search(t.Context(), "orders", inspect.Query{State: state}, page)
				w.must(err)
				for _, job := range got.Jobs {
					seen[job.ID]++
				}
				if page.Cursor = got.Next; got.Next == "" {
					break
				}
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s by %d: %s was listed %d times", state, limit, id, n)
				}
			}
			if len(seen) != 7 {
				t.Errorf("%s by %d: %d jobs, want 7", state, limit, len(seen))
			}
		}
	}
	for name, page := range map[string]inspect.Page{
		"no limit": {}, "less than none": {Limit: -1}, "huge": {Limit: 1 << 40}, "no scan": {MaxScan: -1},
	} {
		got, err := w.look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting}, page)
		if err != nil || len(got.Jobs) != 7 || got.Truncated {
			t.Errorf("%s: %d jobs, %v", name, len(got.Jobs), err)
		}
	}
	few, err := w.look.Search(t.Context(), "orders", inspect.Query{State: inspect.StateWaiting, Kind: "none"},
		inspect.Page{MaxScan: 3})
	if err != nil || !few.Truncated || few.Next == "" || few.Scanned != 3 {
		t.Errorf("with a bound: %+v, %v", few, err)
	}
}

// A queue that only ever had delayed jobs has no stream: everything can be asked of it all the same.
func TestAQueueWithoutAStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.inState(inspect.StateDelayed)
	w.isIn(id, inspect.StateDelayed)
	if _, err := w.look.Job(t.Context(), "orders", "nope"); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("another ID: %v", err)
	}
	info, err := w.look.Queue(t.Context(), "orders")
	if err != nil || info.Delayed != 1 || info.Waiting != 0 || info.InFlight != 0 {
		t.Errorf("got %+v, %v", info, err)
	}
	for _, state := range inspect.States() {
		if !state.Listed() {
			continue
		}
		if _, err := w.look.Search(t.Context(), "orders", inspect.Query{State: state}, inspect.Page{}); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
	if workers, err := w.look.Workers(t.Context(), "orders"); err != nil || len(workers) != 0 {
		t.Errorf("workers %v, %v", workers, err)
	}
	if audit, err := w.look.Verify(t.Context(), "orders", nil); err != nil || !audit.OK() {
		t.Errorf("accounts %+v, %v", audit, err)
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var none inspect.Histogram
	if none.Quantile(0.5) != 0 || none.Count() != 0 {
		t.Errorf("of none: %s", none.Quantile(0.5))
	}
	bounds := inspect.HistogramBounds
	var one inspect.Histogram
	one.Counts[3] = 1 // between 10 and 30 ms
	for q, want := range map[float64][2]time.Duration{
		0: {bounds[2], bounds[2]}, 0.5: {bounds[2], bounds[3]}, 1: {bounds[3], bounds[3]},
	} {
		if got := one.Quantile(q); got < want[0] || got > want[1] {
			t.Errorf("quantile %v: %s, want %s to %s", q, got, want[0], want[1])
		}
	}
	var slow inspect.Histogram
	slow.Counts[len(bounds)] = 5 // longer than the last bound
	if got := slow.Quantile(0.9); got != bounds[len(bounds)-1] {
		t.Errorf("beyond the last bound: %s", got)
	}
	last := time.Duration(0)
	for k, bound := range bounds {
		if bound <= last {
			t.Errorf("bound %d is %s, behind %s", k, bound, last)
		}
		last = bound
	}
}
