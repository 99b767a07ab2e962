package queue_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
	"github.com/navvy-go/navvy/queue/internal/wire"
)

// A page among large jobs looks at fewer of them, says so, and goes on behind them.
func TestLargeJobsCountForSeveral(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const n = 30
	filler := strings.Repeat("x", 100_000)
	for k := range n {
		f.enqueue("k", fmt.Sprintf(`{"n":%d,"filler":%q}`, k, filler))
		f.enqueue("k", fmt.Sprintf(`{"n":%d,"filler":%q}`, k, filler), queue.In(time.Hour))
	}
	for _, state := range []inspect.State{inspect.StateWaiting, inspect.StateDelayed} {
		q := inspect.Query{State: state, Data: map[string]string{"n": "29"}}
		found, err := f.inspect.Search(t.Context(), "orders", q, inspect.Page{MaxScan: 600})
		f.must(err)
		if !found.Truncated || found.Next == "" || found.Scanned < 10 || found.Scanned > 20 || len(found.Jobs) != 0 {
			t.Errorf("%s: %d looked at, truncated %t, %d found", state, found.Scanned, found.Truncated, len(found.Jobs))
		}
		if ids, scanned := f.searchAll(q, inspect.Page{MaxScan: 600}); len(ids) != 1 || scanned != n {
			t.Errorf("%s: %d found of %d", state, len(ids), scanned)
		}
		if count, err := f.inspect.CountMatching(t.Context(), "orders", q, 600); err != nil || !count.Truncated ||
			count.Scanned > 20 {
			t.Errorf("%s: counted %+v, %v", state, count, err)
		}
	}
}

// A value is found however it is written in JSON.
func TestSearchReadsEscapes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{"name":"\u0061nn","path":"a\/b"}`)
	f.enqueue("k", `{"name":"ann","path":"a/b"}`)
	f.enqueue("k", `{"name":"bob","note":"ann a/b"}`)
	for path, value := range map[string]string{"name": "ann", "path": "a/*"} {
		ids, _ := f.searchAll(inspect.Query{State: inspect.StateWaiting, Data: map[string]string{path: value}},
			inspect.Page{})
		if len(ids) != 2 {
			t.Errorf("%s:%s: found %d", path, value, len(ids))
		}
	}
}

// In flight, an entry may stand between others that are not: acknowledged and kept by another program, or deleted.
func TestInFlightAmongOthers(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const n = 100
	var jobs []string
	for k := range n {
		jobs = append(jobs, f.enqueue("k", `{"n":`+strconv.Itoa(k)+`}`).ID)
	}
	entries := f.holdAs("w#1", n)
	want := map[string]bool{}
	for k, entry := range entries {
		switch {
		case k < 40 && k%4 != 0:
			f.must(f.rdb.XAck(t.Context(), f.stream(), wire.DefaultGroup, entry).Err())
		case k > 90:
			f.must(f.rdb.XDel(t.Context(), f.stream(), entry).Err())
			want[entry] = true
		default:
			want[jobs[k]] = true
		}
	}
	for _, job := range f.walk(inspect.StateInFlight, 30) {
		if !want[job.ID] {
			t.Errorf("%s is not in flight, or there twice", job.ID)
		}
		if (job.Data == nil) != (job.ID == job.Entry) {
			t.Errorf("%s: data %s", job.ID, job.Data)
		}
		delete(want, job.ID)
	}
	if len(want) != 0 {
		t.Errorf("%d are missing: %v", len(want), want)
	}
}

// However many entries a foreign consumer holds, those that it has not touched for long are found.
func TestOneOfManyForeignEntriesIsTakenOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const n = 2500 // more than is looked at with one heartbeat
	pipe := f.rdb.Pipeline()
	for range n {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: f.stream(), Values: []string{"id", "j", "kind", "k", "data", "{}"}})
	}
	_, err := pipe.Exec(t.Context())
	f.must(err)
	ids := f.holdAs("worker-1", n)
	f.must(f.rdb.Do(t.Context(), "XCLAIM", f.stream(), wire.DefaultGroup, "worker-1", 0, ids[n-1], "IDLE", 61_000,
		"JUSTID").Err())
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, 1)
	f.eventually("the others stay", func() bool { return f.info().InFlight == n-1 })
}
