package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// What a failed job adds to a full Redis is no more than it must: the text of its error is cut, and it waits for room
// first, so that jobs which fail fast do not fill it fast.
func TestFailedJobsAddLittleToAFullRedis(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--maxmemory-policy", "noeviction"))
	const n = 20
	long := errors.New(strings.Repeat("stack ", 1000))
	mux := queue.NewMux()
	fail := func(context.Context, *queue.Run) error { return long }
	mux.HandleKind("again", fail, queue.Backoff(time.Hour, time.Hour))
	mux.HandleKind("dead", fail, queue.MaxAttempts(1))
	mux.HandleKind("kept", func(ctx context.Context, run *queue.Run) error {
		return errors.Join(run.SetProgress(ctx, 50, ""), run.SetResult(long.Error()))
	}, queue.Retain(time.Hour))
	for range n {
		f.enqueue("again", `{}`)
		f.enqueue("dead", `{}`)
		f.enqueue("kept", `{}`)
	}
	f.must(f.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 3 * n })
	f.await(queue.EventFailed, n)
	f.await(queue.EventDead, n)
	f.await(queue.EventDone, n)
	const most = 600 // bytes of a job, with all that Redis needs for it; 4 KB of text are more
	for _, key := range []string{"bodies", "retrying", "dead", "dead:ids"} {
		size := f.rdb.MemoryUsage(t.Context(), f.stream()+":"+key).Val()
		if size == 0 || size > n*most {
			t.Errorf("%s has %d bytes", key, size)
		}
	}
	for _, e := range f.events.of(queue.EventDone) {
		record := f.rdb.Get(t.Context(), f.stream()+":result:"+e.Job).Val()
		if !strings.Contains(record, e.Job) || len(record) > most {
			t.Errorf("kept: %s", record)
		}
	}
	for _, e := range f.events.of(queue.EventDead) {
		job, err := f.inspect.Job(t.Context(), "orders", e.Job)
		f.must(err)
		if job.Error != long.Error()[:64] {
			t.Errorf("its error is %q", job.Error)
		}
	}
	begun := map[string]time.Time{}
	for _, e := range f.events.of(queue.EventStarted) {
		begun[e.Job] = e.Time
	}
	for _, e := range append(f.events.of(queue.EventFailed), f.events.of(queue.EventDead)...) {
		if waited := e.Time.Sub(begun[e.Job]); waited < time.Second {
			t.Errorf("%s waited %s for room", e.Kind, waited)
		}
	}
	if troubles := f.events.of(queue.EventRedisError); len(troubles) > 10 {
		t.Errorf("reported %d times", len(troubles))
	}
}

// Once there is room again everything is kept as ever.
func TestAJobThatFindsRoomKeepsItsError(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--maxmemory-policy", "noeviction"))
	long := strings.Repeat("stack ", 500)
	mux := muxOf("k", func(context.Context, *queue.Run) error { return errors.New(long) }, queue.MaxAttempts(1))
	job := f.enqueue("k", `{}`)
	f.must(f.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	f.start(mux)
	f.eventually("it is refused", func() bool {
		for _, e := range f.events.of(queue.EventRedisError) {
			if strings.Contains(e.Err.Error(), "it waits for room") {
				return true
			}
		}
		return false
	})
	f.must(f.rdb.ConfigSet(t.Context(), "maxmemory", "0").Err())
	f.await(queue.EventDead, 1)
	found, err := f.inspect.Job(t.Context(), "orders", job.ID)
	f.must(err)
	if found.Error != long {
		t.Errorf("%d bytes are kept", len(found.Error))
	}
}

func TestAQueueThatWasFilledBeforeItsFirstWorkerIsDrained(t *testing.T) {
	t.Parallel()
	f := newFleetOn(t, redistest.New(t, "--maxmemory-policy", "noeviction"))
	const n = 50
	for range n {
		f.enqueue("k", `{}`)
	}
	f.must(f.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	f.start(muxOf("k", noop))
	f.await(queue.EventDone, n)
	f.empty()
}
