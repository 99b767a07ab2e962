package queue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// startOver runs a worker whose connections go through an address, and which leaves in good order with the test.
func (f *fleet) startOver(addr string, mux *queue.Mux, slots int) {
	f.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	f.Cleanup(func() { _ = rdb.Close() })
	through := *f
	through.rdb = rdb
	through.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = slots })
}

// However large jobs are for the connection, they are all done: what is asked for at once adapts to it.
func TestLargeJobsAreAllDone(t *testing.T) {
	// Not beside the other tests: under the race detector it takes all processors, and they have short leases.
	const jobs, each = 100, 900 << 10
	for name, link := range map[string]func(t *testing.T) (server *redistest.Server, addr string){
		"10 MB a second": func(t *testing.T) (*redistest.Server, string) {
			s := redistest.New(t)
			p := newProxy(t, s.Addr)
			p.bandwidth.Store(10 << 20)
			return s, p.addr()
		},
		"clients may owe 16 MB": func(t *testing.T) (*redistest.Server, string) {
			s := redistest.New(t, "--client-output-buffer-limit", "normal 16mb 8mb 5")
			return s, s.Addr
		},
		"clients may owe 1 MB": func(t *testing.T) (*redistest.Server, string) {
			s := redistest.New(t, "--client-output-buffer-limit", "normal 1mb 0 0")
			return s, s.Addr
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, addr := link(t)
			f := newFleetOn(t, server)
			data := `"` + strings.Repeat("x", each) + `"`
			for range jobs {
				f.enqueue("k", data)
			}
			var ran atomic.Int64
			f.startOver(addr, muxOf("k", func(_ context.Context, run *queue.Run) error {
				if len(run.Data) == len(data) {
					ran.Add(1)
				}
				return nil
			}), 100)
			f.untilDone(jobs, time.Minute)
			if n, lost := ran.Load(), f.events.of(queue.EventLeaseLost); n != jobs || len(lost) > 0 {
				t.Errorf("%d handlers began, %d leases were lost", n, len(lost))
			}
		})
	}
}

// untilDone waits until so many jobs are done.
func (f *fleet) untilDone(jobs int, within time.Duration) {
	f.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(f.events.of(queue.EventDone)) < jobs {
		select {
		case <-tick.C:
		case <-deadline:
			f.Fatalf("not done within %s: %d of %d\n%s", within, len(f.events.of(queue.EventDone)), jobs, f.events.tail())
		}
	}
}

// An entry that breaks each connection it is sent over does not hold up the others: it is reported, and in the end dead
// as it is. With more patience of the server it runs.
func TestAnEntryTooLargeForItsConnectionIsDead(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--client-output-buffer-limit", "normal 1mb 0 0"))
	large := strings.Repeat("x", 3<<20)
	for range 10 {
		f.enqueue("k", `{}`)
	}
	entry, err := f.rdb.XAdd(t.Context(), &redis.XAddArgs{
		Stream: f.stream(), Values: []string{"id", "large", "kind", "k", "data", `"` + large + `"`},
	}).Result()
	f.must(err)
	for range 10 {
		f.enqueue("k", `{}`)
	}
	var size atomic.Int64
	f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
		size.Add(int64(len(run.Data)))
		return nil
	}))
	f.untilDone(20, 20*time.Second)
	dead := f.await(queue.EventDead, 1)[0]
	if dead.Job != "large" || dead.Kind != "k" || !strings.Contains(dead.Err.Error(), entry+" of 3145") {
		t.Errorf("dead is %+v", dead)
	}
	if tries := f.events.troubles("did not arrive"); tries != 3 {
		t.Errorf("%d tries were reported, want 3", tries)
	}
	f.must(f.rdb.ConfigSet(t.Context(), "client-output-buffer-limit", "normal 0 0 0").Err())
	f.empty()
	if info := f.info(); info.Dead != 1 || info.Totals.Dead != 1 {
		t.Errorf("the queue has %+v", info)
	}
	job, err := f.inspect.Job(t.Context(), "orders", "large")
	f.must(err)
	if job.Reason != inspect.ReasonTooLarge || len(job.Data) != len(large)+2 {
		t.Errorf("dead because %q with %d bytes", job.Reason, len(job.Data))
	}
	f.must(f.inspect.Requeue(t.Context(), "orders", "large"))
	f.untilDone(21, 20*time.Second)
	if n := size.Load(); n != int64(len(large))+2+20*2 {
		t.Errorf("the handlers saw %d bytes", n)
	}
}

// troubles counts the troubles whose error has a text in it.
func (r *recorder) troubles(text string) (n int) {
	for _, e := range r.of(queue.EventRedisError) {
		if strings.Contains(e.Err.Error(), text) {
			n++
		}
	}
	return n
}

// An outage is no reason to take an entry for too large.
func TestOutagesBuryNoLargeEntries(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := newProxy(t, f.server.Addr)
	f.startOver(p.addr(), muxOf("k", noop), 10)
	f.await(queue.EventCaretakerTaken, 1)
	p.cut.Store(12)
	for range 5 {
		f.enqueue("k", `"`+strings.Repeat("x", 900<<10)+`"`)
	}
	f.untilDone(5, 20*time.Second)
	if dead := f.events.of(queue.EventDead); len(dead) > 0 {
		t.Errorf("dead: %+v", dead)
	}
	if p.cut.Load() > 0 {
		t.Error("not all replies were cut: the test shows nothing")
	}
}
