package inspect_test

import (
	"encoding/json"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Times that JSON cannot have, or that are none, do not break a list: somebody else may have written them.
func TestOddTimesBreakNoList(t *testing.T) {
	t.Parallel()
	for _, ms := range []string{"-62135596800000", "-1", "0", "253402300800000", "9223372036854775", "-9000000000000000",
		"x"} {
		t.Run(ms, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.inState(inspect.StateDone)
			w.must(w.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: w.key("dead"), Values: []string{"id", "d", "kind", "k",
				"died_ms", ms}}).Err())
			w.must(w.rdb.Set(t.Context(), w.key("paused"), `{"at_ms":`+ms+`}`, 0).Err())
			w.must(w.rdb.HSet(t.Context(), w.key("worker:"+nobody), "started_ms", ms).Err())
			w.must(w.rdb.ZAdd(t.Context(), w.key("workers"), z(nobody, 1)).Err())
			values := []string{"id", "w", "kind", "k", "data", "{}", "meta", `{"enqueued_ms":` + ms + `}`}
			w.must(w.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: w.stream(), Values: values}).Err())
			if ms != "x" {
				for _, id := range []string{"s1", "s2", "s3"} {
					w.must(w.rdb.HSet(t.Context(), w.key("bodies"), id, wire.EncodeBody("k", "", []byte("{}"))).Err())
					w.must(w.rdb.Do(t.Context(), "ZADD", w.key("delayed"), ms, id).Err())
				}
			}
			groups, err := w.look.DeadGroups(t.Context(), "orders", 0)
			w.must(err)
			workers, err := w.look.Workers(t.Context(), "orders")
			w.must(err)
			info, err := w.look.Queue(t.Context(), "orders")
			w.must(err)
			shown := []any{groups, workers, info}
			for _, state := range listed() {
				seen := map[string]bool{}
				for page := (inspect.Page{Limit: 1}); ; {
					found := w.search(inspect.Query{State: state}, page)
					shown = append(shown, found)
					for _, job := range found.Jobs {
						if seen[job.ID] {
							t.Fatalf("%s: %s is listed twice", state, job.ID)
						}
						seen[job.ID] = true
					}
					if page.Cursor = found.Next; found.Next == "" {
						break
					}
				}
				if n := map[inspect.State]int{inspect.StateDelayed: 3}[state]; ms != "x" && state == inspect.StateDelayed &&
					len(seen) != n {
					t.Errorf("%s: %d listed, want %d", state, len(seen), n)
				}
			}
			for _, what := range shown {
				if _, err := json.Marshal(what); err != nil {
					t.Errorf("%T: %v", what, err)
				}
			}
		})
	}
}

// A due time that is no whole number, which no part of navvy writes, ends no list and begins none anew.
func TestFractionsOfDueTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id, due := range map[string]float64{"a": 1.25, "b": 1.5, "c": 1.75, "d": 2} {
		w.must(w.rdb.HSet(t.Context(), w.key("bodies"), id, wire.EncodeBody("k", "", nil)).Err())
		w.must(w.rdb.ZAdd(t.Context(), w.key("delayed"), z(id, due)).Err())
	}
	var ids string
	query := inspect.Query{State: inspect.StateDelayed, Kind: "k"} // with a filter, a page may end within what was read
	for page := (inspect.Page{Limit: 1}); len(ids) < 10; {
		found := w.search(query, page)
		for _, job := range found.Jobs {
			ids += job.ID
		}
		if page.Cursor = found.Next; found.Next == "" {
			break
		}
	}
	if ids != "abcd" {
		t.Errorf("listed %q", ids)
	}
}
