package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// extremes are durations at and around every limit that a number in between has.
func extremes() []time.Duration {
	durations := []time.Duration{
		math.MinInt64, math.MinInt64 + 1, -time.Hour, -1, 0, 1, time.Millisecond - 1, time.Millisecond, time.Second,
		math.MaxInt64 / 4 * 3, math.MaxInt64 - 1, math.MaxInt64,
	}
	for _, bits := range []int{31, 32, 52, 53, 54, 61, 62} {
		durations = append(durations, 1<<bits, 1<<bits-1)
	}
	return durations
}

// extremeTimes are times at the limits of calendars, of JSON, of numbers and of the type.
func extremeTimes() []time.Time {
	times := []time.Time{
		{}, time.Unix(0, 0), time.Unix(-1, 0), time.Date(1969, 7, 20, 0, 0, 0, 0, time.UTC),
		time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 30, 23, 59, 59, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0),
		time.UnixMilli(math.MaxInt64), time.UnixMilli(math.MinInt64),
	}
	for _, bits := range []int{31, 32, 41, 53, 62} {
		times = append(times, time.UnixMilli(1<<bits), time.Unix(1<<bits, 0))
	}
	return times
}

func durationOptions() map[string]func(time.Duration) queue.EnqueueOption {
	return map[string]func(time.Duration) queue.EnqueueOption{
		"in":       queue.In,
		"timeout":  func(d time.Duration) queue.EnqueueOption { return queue.Timeout(d) },
		"retain":   func(d time.Duration) queue.EnqueueOption { return queue.Retain(d) },
		"unique":   func(d time.Duration) queue.EnqueueOption { return queue.Unique(fmt.Sprint("u", int64(d)), d) },
		"backoff":  func(d time.Duration) queue.EnqueueOption { return queue.Backoff(d, d) },
		"backoff+": func(d time.Duration) queue.EnqueueOption { return queue.Backoff(time.Millisecond, d) },
	}
}

// shown fails the test unless the job is found and can be written as JSON, as every page and every list does.
func (f *fleet) shown(id string) inspect.JobInfo {
	f.Helper()
	job, err := f.inspect.Job(f.Context(), "orders", id)
	f.must(err)
	_, err = json.Marshal(job)
	f.must(err)
	return job
}

// An option is refused, or it works: the job runs when it is due, and can be shown until then.
func TestExtremeOptionsAreRefusedOrWork(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := queue.NewMux()
	mux.HandleKind("k", func(ctx context.Context, run *queue.Run) error {
		if run.Attempt == 1 && run.LastError == "" {
			return errors.New("once")
		}
		return run.SetResult("done")
	}, queue.BackoffFunc(func(int, error) time.Duration { return 0 }))
	now, ends := 0, 0
	enqueue := func(what string, opts ...queue.EnqueueOption) {
		t.Helper()
		job, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), append(opts, queue.On("orders"))...)
		switch {
		case errors.Is(err, queue.ErrInvalid):
			return
		case err != nil:
			t.Errorf("%s: %v", what, err)
			return
		}
		if _, err := json.Marshal(job); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if job.Duplicate {
			return
		}
		if shown := f.shown(job.ID); shown.Due != nil && time.Until(*shown.Due) > time.Minute {
			return
		}
		now++
	}
	for name, option := range durationOptions() {
		for _, d := range extremes() {
			enqueue(fmt.Sprintf("%s %d", name, d), option(d))
			forever := queue.Unique(fmt.Sprint(name, int64(d)), math.MaxInt64)
			enqueue(fmt.Sprintf("%s %d and unique", name, d), option(d), forever)
			enqueue(fmt.Sprintf("%s %d and an ID", name, d), option(d), queue.ID(fmt.Sprint(name, int64(d))))
		}
	}
	for _, at := range extremeTimes() {
		enqueue(fmt.Sprint("at ", at), queue.At(at))
		enqueue(fmt.Sprint("at ", at, " and unique"), queue.At(at), queue.Unique(fmt.Sprint(at.Unix()), math.MaxInt64))
	}
	for _, n := range []int{math.MinInt, -1, 0, 1, math.MaxInt32, 1 << 53, math.MaxInt} {
		enqueue(fmt.Sprint("attempts ", n), queue.MaxAttempts(n))
	}
	f.start(mux)
	f.eventually("what is due has ended or waits for its next attempt", func() bool {
		ends = len(f.events.of(queue.EventFailed)) + len(f.events.of(queue.EventDead))
		return ends >= now
	})
	for _, e := range f.events.all() {
		expected := e.Err != nil && (e.Err.Error() == "once" || strings.HasPrefix(e.Err.Error(), "job timed out after 1ms"))
		if e.Type == queue.EventStuck || e.Type == queue.EventFailed && !expected {
			t.Errorf("%+v", e)
		}
		if e.Type == queue.EventFailed && e.Due.After(e.Time.Add(time.Minute)) {
			f.shown(e.Job)
		}
	}
}

// What a handler asks for is bounded: the job comes again, or is shown as due in the year that there is.
func TestExtremeDelaysOfAHandler(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux, durations := queue.NewMux(), extremes()
	sick := errors.New("sick")
	for i, d := range durations {
		once := func(err error) queue.Handler {
			return func(_ context.Context, run *queue.Run) error {
				if run.LastError == "" && run.Attempt == 1 && run.Redelivered == 0 {
					return err
				}
				return nil
			}
		}
		mux.HandleKind(fmt.Sprint("retry", i), once(queue.RetryIn(d, sick)))
		mux.HandleKind(fmt.Sprint("back", i), once(sick), queue.BackoffFunc(func(int, error) time.Duration { return d }))
		if d > time.Minute {
			mux.HandleKind(fmt.Sprint("snooze", i), once(queue.Snooze(d)))
		}
	}
	f.start(mux)
	for _, kind := range mux.Kinds() {
		f.enqueue(kind.Name, `{}`)
	}
	put := f.await(queue.EventFailed, 2*len(durations))
	for _, e := range append(put, f.await(queue.EventSnoozed, len(mux.Kinds())-2*len(durations))...) {
		if e.Due.After(e.Time.Add(time.Minute)) {
			f.shown(e.Job)
		}
		if _, err := json.Marshal(e.Due); err != nil {
			t.Errorf("%s: %v", e.Kind, err)
		}
	}
}

func TestExtremeWorkersAreRefusedOrWork(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	type change = func(*queue.WorkerConfig)
	var changes []change
	for _, d := range extremes() {
		changes = append(changes,
			func(c *queue.WorkerConfig) { c.Lease = d }, func(c *queue.WorkerConfig) { c.Grace = d },
			func(c *queue.WorkerConfig) {
				c.Queues["raw"] = queue.QueueConfig{Raw: &queue.Raw{Kind: "k", ForeignIdle: d}}
			})
	}
	for _, n := range []int{math.MinInt, -2, -1, 1, 1 << 31, 1 << 53, math.MaxInt} {
		changes = append(changes,
			func(c *queue.WorkerConfig) { c.Concurrency = n }, func(c *queue.WorkerConfig) { c.MaxCrashes = n },
			func(c *queue.WorkerConfig) { c.ReadAhead = n },
			func(c *queue.WorkerConfig) { c.Queues["orders"] = queue.QueueConfig{Weight: n} })
	}
	for _, at := range extremeTimes() {
		changes = append(changes, func(c *queue.WorkerConfig) { c.Now = func() time.Time { return at } })
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 2} {
		changes = append(changes, func(c *queue.WorkerConfig) { c.Rand = func() float64 { return v } })
	}
	for i, change := range changes {
		cfg := queue.WorkerConfig{
			Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Concurrency: 1, Observer: f.events,
		}
		change(&cfg)
		w, err := queue.NewWorker(f.rdb, muxOf("k", noop, queue.Timeout(math.MaxInt64)), cfg)
		if err != nil {
			if !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%d: %v", i, err)
			}
			continue
		}
		before := len(f.events.of(queue.EventDone))
		f.must(w.Start(t.Context()))
		f.enqueue("k", `{}`)
		f.await(queue.EventDone, before+1)
		workers, err := f.inspect.Workers(t.Context(), "orders")
		f.must(err)
		_, err = json.Marshal(workers)
		f.must(err)
		f.must(w.Stop(t.Context()))
	}
	for _, e := range f.events.all() {
		if e.Type == queue.EventRedisError || e.Type == queue.EventStuck || e.Type == queue.EventLeaseLost {
			t.Errorf("%+v", e)
		}
	}
}

func TestExtremeClientsAreRefusedOrWork(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var configs []queue.ClientConfig
	for _, d := range extremes() {
		configs = append(configs, queue.ClientConfig{Timeout: d})
	}
	for _, n := range []int{math.MinInt, -1, 1, 1 << 31, 1 << 53, math.MaxInt} {
		configs = append(configs, queue.ClientConfig{MaxBuffered: n}, queue.ClientConfig{MaxData: n})
	}
	for _, at := range extremeTimes() {
		configs = append(configs, queue.ClientConfig{Now: func() time.Time { return at }})
	}
	for _, cfg := range configs {
		cfg.Namespace = f.namespace
		client, err := queue.NewClient(f.rdb, cfg)
		if err != nil {
			if !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%+v: %v", cfg, err)
			}
			continue
		}
		for _, d := range []time.Duration{time.Millisecond, math.MaxInt64} {
			job, err := client.Enqueue(t.Context(), queue.JSON("k", []byte("1")), queue.On("orders"), queue.In(d))
			if err != nil && cfg.Timeout > 0 && cfg.Timeout < time.Second { // too short for some machines
				continue
			}
			f.must(err)
			f.shown(job.ID)
		}
		if cfg.Timeout == 0 {
			_, err = client.Enqueue(t.Context(), queue.JSON("k", []byte("1")), queue.On("orders"),
				queue.Durable(queue.Replicated(math.MaxInt32, time.Millisecond)))
			if !errors.Is(err, queue.ErrNotDurable) {
				t.Errorf("%+v: %v", cfg, err)
			}
		}
		f.must(client.Close())
	}
}

// Entries of other programs run, whatever their IDs and numbers are.
func TestExtremeEntriesRun(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"0-1", "1-1", "1000-0", "253402300800000-0", "9007199254740993-7", "9223372036854775807-1", "9223372036854775808-0",
		"18446744073709551614-5",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			add := func(id, meta string) {
				t.Helper()
				f.must(f.rdb.XAdd(t.Context(), &redis.XAddArgs{
					Stream: f.stream(), ID: id, Values: []string{"id", "j" + meta, "kind", "k", "data", "{}", "meta", meta},
				}).Err())
			}
			add(id, "")
			metas := []string{`{"attempt":9223372036854775807}`, `{"redelivered":9223372036854775807}`,
				`{"enqueued_ms":9223372036854775807}`, `{"timeout_ms":9223372036854775807}`, `{"retain_ms":9223372036854775807}`,
				`{"backoff_min_ms":9223372036854775807}`, `{"max_attempts":9223372036854775807}`, `{"max_attempts":-5}`,
				`{"attempt":1e300}`, `{"attempt":-9223372036854775808}`}
			for _, meta := range metas {
				add("*", meta)
			}
			ended := make(chan *queue.Run, len(metas)+1)
			f.start(muxOf("k", func(ctx context.Context, run *queue.Run) error {
				if deadline, _ := ctx.Deadline(); ctx.Err() != nil || time.Until(deadline) < time.Minute {
					t.Errorf("it has until %s", deadline)
				}
				ended <- run
				return nil
			}))
			for range metas { // all but one: its number is none
				run := receive(t, ended)
				if _, err := json.Marshal(run.EnqueuedAt); err != nil || run.Attempt < 1 || run.Redelivered < 0 {
					t.Errorf("%+v: %v", run, err)
				}
			}
			f.await(queue.EventDone, len(metas))
			f.await(queue.EventDead, 1)
			stats, err := f.inspect.Stats(t.Context(), "orders", time.Now().Add(-time.Hour), time.Now(), time.Minute)
			f.must(err)
			_, err = json.Marshal(stats)
			f.must(err)
		})
	}
}
