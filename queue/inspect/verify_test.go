package inspect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue/inspect"
)

// Each kind of damage is named by the job it was done to, and unbalances the books of its place alone.
func TestEachDamageIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state inspect.State
		harm  func(w *world, job inspect.JobInfo)
		says  string // %[1]s is the job's ID, %[2]s its entry's
		lost  map[string]int64
	}{
		"in flight, entry deleted": {inspect.StateInFlight, func(w *world, job inspect.JobInfo) {
			w.must(w.rdb.XDel(w.Context(), w.stream(), job.Entry).Err())
		}, "entry %[2]s is in flight with " + nobody + " and not in the stream", map[string]int64{"stream": 1}},
		"waiting, entry deleted": {inspect.StateWaiting, func(w *world, job inspect.JobInfo) {
			w.must(w.rdb.XDel(w.Context(), w.stream(), job.Entry).Err())
		}, "", map[string]int64{"stream": 1}},
		"delayed, no body": {inspect.StateDelayed, func(w *world, job inspect.JobInfo) {
			w.must(w.rdb.HDel(w.Context(), w.key("bodies"), job.ID).Err())
		}, "job %[1]s is due at ", nil},
		"retrying, no body": {inspect.StateRetrying, func(w *world, job inspect.JobInfo) {
			w.must(w.rdb.HDel(w.Context(), w.key("bodies"), job.ID).Err())
		}, "job %[1]s is due at ", nil},
		"delayed, not due": {inspect.StateDelayed, func(w *world, job inspect.JobInfo) {
			w.must(w.rdb.ZRem(w.Context(), w.key("delayed"), job.ID).Err())
		}, "job %[1]s is neither delayed nor retrying", map[string]int64{"delayed and retrying": 1}},
		"retrying, not due": {inspect.StateRetrying, func(w *world, job inspect.JobInfo) {
			w.must(w.rdb.ZRem(w.Context(), w.key("retrying"), job.ID).Err())
		}, "job %[1]s is neither delayed nor retrying", map[string]int64{"delayed and retrying": 1}},
		"dead, entry deleted": {inspect.StateDead, func(w *world, job inspect.JobInfo) {
			w.must(w.rdb.XDel(w.Context(), w.key("dead"), job.Entry).Err())
		}, "dead job %[1]s is known by its ID, and its entry %[2]s is gone", map[string]int64{"dead": 1}},
		"more came out than went in": {inspect.StateDead, func(w *world, _ inspect.JobInfo) {
			w.must(w.rdb.HIncrBy(w.Context(), w.key("stats"), "requeued", 1).Err())
		}, "", map[string]int64{"dead": -1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.inState(inspect.StateDead) // beside it
			id := w.inState(c.state)
			job, err := w.look.Job(t.Context(), "orders", id)
			w.must(err)
			w.audit("", nil)
			c.harm(w, job)
			w.audit(strings.ReplaceAll(strings.ReplaceAll(c.says, "%[1]s", id), "%[2]s", job.Entry), c.lost)
		})
	}
}

// audit verifies the queue: one thing is missing, said so, or none if says is empty.
func (w *world) audit(says string, lost map[string]int64) {
	w.Helper()
	audit, err := w.look.Verify(w.Context(), "orders", nil)
	w.must(err)
	if want := says == "" && lost == nil; audit.OK() != want {
		w.Errorf("in order: %t", !want)
	}
	if says == "" && len(audit.Missing) != 0 || says != "" && (len(audit.Missing) != 1 ||
		!strings.HasPrefix(audit.Missing[0], says)) {
		w.Errorf("missing: %q, want %q", audit.Missing, says)
	}
	for _, b := range audit.Balances {
		if b.Lost() != lost[b.Place] {
			w.Errorf("%+v: %d lost, want %d", b, b.Lost(), lost[b.Place])
		}
	}
}

// Of much damage a hundred are named, and the walk counts all that it looks at.
func TestVerifyNamesAHundred(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 450 // more than two pages
	w.known()
	pipe := w.rdb.Pipeline()
	for k := range n {
		pipe.HSet(t.Context(), w.key("dead:ids"), fmt.Sprintf("j%d", k), "1-1")
	}
	_, err := pipe.Exec(t.Context())
	w.must(err)
	var looked []int64
	audit, err := w.look.Verify(t.Context(), "orders", func(n int64) { looked = append(looked, n) })
	w.must(err)
	if len(audit.Missing) != 100 || audit.Looked < n || audit.OK() || audit.Queue != "orders" {
		t.Errorf("%d missing of %d", len(audit.Missing), audit.Looked)
	}
	if !slices.IsSorted(looked) || looked[len(looked)-1] != audit.Looked {
		t.Errorf("progress %v", looked)
	}
}
