package inspect_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// add puts entries n-1 into the stream, for each n of a range.
func (w *world) add(from, to int) {
	w.Helper()
	for n := from; n <= to; n++ {
		w.must(w.rdb.XAdd(w.Context(), &redis.XAddArgs{
			Stream: w.stream(), ID: strconv.Itoa(n) + "-1",
			Values: []string{"id", fmt.Sprintf("j-%d", n), "kind", "k", "data", "{}"},
		}).Err())
	}
}

// take has a consumer of another program read so many entries, and acknowledge those of a range without deleting them.
func (w *world) take(count, from, to int) {
	w.Helper()
	_ = w.rdb.XGroupCreateMkStream(w.Context(), w.stream(), queue.DefaultGroup, "0").Err()
	w.must(w.rdb.XReadGroup(w.Context(), &redis.XReadGroupArgs{
		Group: queue.DefaultGroup, Consumer: "python-1", Streams: []string{w.stream(), ">"}, Count: int64(count), Block: -1,
	}).Err())
	for n := from; n <= to; n++ {
		w.must(w.rdb.XAck(w.Context(), w.stream(), queue.DefaultGroup, strconv.Itoa(n)+"-1").Err())
	}
}

func (w *world) counts() [3]int64 {
	w.Helper()
	info, err := w.look.Queue(w.Context(), "orders")
	w.must(err)
	for _, state := range []inspect.State{inspect.StateWaiting, inspect.StateInFlight} {
		count, err := w.look.CountMatching(w.Context(), "orders", inspect.Query{State: state}, 0)
		w.must(err)
		if count.Matched != info.Count(state) {
			w.Errorf("%d are %s by the count, %d by the queue", count.Matched, state, info.Count(state))
		}
	}
	if (info.OldestWaiting > 0) != (info.Waiting > 0) {
		w.Errorf("the oldest of %d waits for %s", info.Waiting, info.OldestWaiting)
	}
	return [3]int64{info.Waiting, info.InFlight, info.Leftover}
}

// What consumers of other programs acknowledge without deleting does not wait: it is counted for itself, whatever Redis
// has of the group's lag.
func TestWhatIsAcknowledgedAndLeftDoesNotWait(t *testing.T) {
	t.Parallel()
	cmd := func(args ...any) func(*world) {
		return func(w *world) {
			for k, arg := range args {
				if arg == "stream" {
					args[k] = w.stream()
				}
			}
			w.must(w.rdb.Do(w.Context(), args...).Err())
		}
	}
	for name, c := range map[string]struct {
		do   []func(w *world)
		want [3]int64 // waiting, in flight, left
	}{
		"nothing was read":       {nil, [3]int64{10, 0, 0}},
		"all were left":          {[]func(*world){func(w *world) { w.take(10, 1, 10) }}, [3]int64{0, 0, 10}},
		"some wait":              {[]func(*world){func(w *world) { w.take(6, 1, 4) }}, [3]int64{4, 2, 4}},
		"the first is in flight": {[]func(*world){func(w *world) { w.take(6, 2, 6) }}, [3]int64{4, 1, 5}},
		"one that waited was deleted": {
			[]func(*world){func(w *world) { w.take(6, 1, 4) }, cmd("XDEL", "stream", "8-1")}, [3]int64{3, 2, 4},
		},
		"the group began in the middle": {
			[]func(*world){cmd("XGROUP", "CREATE", "stream", queue.DefaultGroup, "5-1")}, [3]int64{5, 0, 5},
		},
		"the group was set back": {
			[]func(*world){
				func(w *world) { w.take(6, 1, 4) }, cmd("XGROUP", "SETID", "stream", queue.DefaultGroup, "2-1"),
			}, [3]int64{8, 2, 0}, // it is given again what is in flight
		},
		"the group was set to the end": {
			[]func(*world){
				func(w *world) { w.take(6, 1, 4) }, cmd("XGROUP", "SETID", "stream", queue.DefaultGroup, "$"),
			}, [3]int64{0, 2, 8},
		},
		"the stream was trimmed": {
			[]func(*world){func(w *world) { w.take(6, 1, 4) }, cmd("XTRIM", "stream", "MINID", "9-1")}, [3]int64{2, 2, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add(1, 10)
			for _, do := range c.do {
				do(w)
			}
			if got := w.counts(); got != c.want {
				t.Errorf("waiting, in flight, left: %v, want %v", got, c.want)
			}
		})
	}
}

// What was left is swept when a person asks for it: nothing that waits or is in flight, and not with another group.
func TestSweepingWhatWasLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(1, 300)
	w.take(250, 1, 240)
	w.must(w.rdb.XGroupCreate(t.Context(), w.stream(), "auditors", "0").Err())
	if _, err := w.look.SweepLeftovers(t.Context(), "orders", nil); !errors.Is(err, inspect.ErrShared) {
		t.Errorf("with another group: %v", err)
	}
	info, err := w.look.Queue(t.Context(), "orders")
	if w.must(err); len(info.OtherGroups) != 1 || info.OtherGroups[0] != "auditors" || info.Leftover != 240 {
		t.Errorf("got %+v", info)
	}
	w.must(w.rdb.XGroupDestroy(t.Context(), w.stream(), "auditors").Err())
	last := int64(0)
	n, err := w.look.SweepLeftovers(t.Context(), "orders", func(deleted int64) { last = deleted })
	if w.must(err); n != 240 || last != 240 {
		t.Errorf("%d deleted, %d reported", n, last)
	}
	if got := w.counts(); got != [3]int64{50, 10, 0} {
		t.Errorf("waiting, in flight, left: %v", got)
	}
	if audit, err := w.look.Verify(t.Context(), "orders", nil); err != nil || !audit.OK() {
		t.Errorf("the accounts: %+v, %v", audit, err)
	}
	if n, err := w.look.SweepLeftovers(t.Context(), "orders", nil); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

// All that is dead is grouped, within a time: when that was too short, the groups say so.
func TestDeadGroupsCountAllInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known()
	pipe := w.rdb.Pipeline()
	const n = 12_000
	for k := range n {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: w.key("dead"), Values: []string{
			"id", strconv.Itoa(k), "kind", "k", "data", "{}", "meta", "", "error", fmt.Sprintf("order %d declined", k),
			"reason", "attempts spent", "died_ms", "1",
		}})
	}
	_, err := pipe.Exec(t.Context())
	w.must(err)
	all, err := w.look.DeadGroups(t.Context(), "orders", time.Minute)
	if w.must(err); len(all.Groups) != 1 || all.Groups[0].Count != n || all.Scanned != n || all.Truncated {
		t.Errorf("got %+v", all)
	}
	some, err := w.look.DeadGroups(t.Context(), "orders", time.Nanosecond)
	if w.must(err); !some.Truncated || some.Total != n || some.Scanned == 0 || some.Scanned >= n {
		t.Errorf("got %+v", some)
	}
}
