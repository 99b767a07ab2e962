package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// What workers did is counted kind by kind, for ever and by the minute and the hour.
func TestMetricsAndStats(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	mux := muxOf("good", noop)
	mux.HandleKind("slow:one", func(context.Context, *queue.Run) error {
		<-time.After(20 * time.Millisecond)
		return nil
	})
	mux.HandleKind("bad", func(context.Context, *queue.Run) error { return errors.New("x") }, queue.MaxAttempts(2),
		queue.Backoff(time.Millisecond, time.Millisecond))
	mux.HandleKind("later", func(context.Context, *queue.Run) error { return queue.Snooze(time.Hour) })
	w := f.start(mux, func(c *queue.WorkerConfig) { c.Queues["orders"] = queue.QueueConfig{UnknownFor: -1} })
	for kind, n := range map[string]int{"good": 30, "slow:one": 4, "bad": 2, "later": 1, "nobody": 3} {
		for range n {
			f.enqueue(kind, `{}`)
		}
	}
	f.await(queue.EventDone, 34)
	f.await(queue.EventDead, 5)
	f.await(queue.EventSnoozed, 1)
	var m inspect.QueueMetrics
	f.eventually("a heartbeat has written the counts", func() (ok bool) {
		var err error
		m, err = f.inspect.Metrics(t.Context(), "orders")
		f.must(err)
		n := int64(0)
		for _, k := range m.Kinds {
			n += k.Done + k.Dead + k.Snoozed
		}
		return n == 40
	})
	f.checkKinds(m)
	now := time.Now()
	for step, from := range map[time.Duration]time.Time{time.Minute: now.Add(-time.Hour),
		15 * time.Minute: now.Add(-24 * time.Hour), time.Hour: now.Add(-7 * 24 * time.Hour)} {
		f.checkSeries(from, now.Add(time.Second), step)
	}
	if m.Caretaker == "" {
		t.Error("no caretaker")
	}
	f.must(w.Stop(t.Context()))
}

// checkSeries looks at what was done between two instants, in steps.
func (f *fleet) checkSeries(from, to time.Time, step time.Duration) {
	f.Helper()
	series, err := f.inspect.Stats(f.Context(), "orders", from, to, step)
	f.must(err)
	sum := inspect.Stat{}
	for k, s := range series {
		sum.Done, sum.Failed, sum.Dead, sum.Snoozed = sum.Done+s.Done, sum.Failed+s.Failed, sum.Dead+s.Dead,
			sum.Snoozed+s.Snoozed
		few := s.Wait.Count() < 20 // a new minute may have begun, and these may be the slow ones
		if s.Wait.Quantile(1) > time.Minute || !few && s.Run.Quantile(0.5) > 30*time.Millisecond {
			f.Errorf("%s: waits %v, runs %v", step, s.Wait, s.Run)
		}
		if k > 0 && s.At.Sub(series[k-1].At) != step {
			f.Errorf("%s: %s follows %s", step, s.At, series[k-1].At)
		}
	}
	if sum.Done != 34 || sum.Failed != 4 || sum.Dead != 5 || sum.Snoozed != 1 {
		f.Errorf("steps of %s: %+v", step, sum)
	}
	want := int(to.Truncate(step).Sub(from.Truncate(step))/step) + 1 // the first and the last in part
	if len(series) != want {
		f.Errorf("%d steps of %s, want %d", len(series), step, want)
	}
	f.checkGauges(series)
}

func (f *fleet) checkKinds(m inspect.QueueMetrics) {
	f.Helper()
	kinds := map[string]inspect.KindMetrics{}
	for _, k := range m.Kinds {
		kinds[k.Kind] = k
	}
	good, slow, bad := kinds["good"], kinds["slow:one"], kinds["bad"]
	if good.Done != 30 || good.Run.Count() != 30 || good.Wait.Count() != 30 {
		f.Errorf("good: %+v", good)
	}
	if slow.Done != 4 || slow.Run.Quantile(0.5) < 15*time.Millisecond || slow.Run.Sum < 80*time.Millisecond {
		f.Errorf("slow: %+v", slow)
	}
	if bad.Failed != 4 || bad.Dead != 2 || bad.Run.Count() != 4 {
		f.Errorf("bad: %+v", bad)
	}
	if unknown := kinds["~unknown"]; unknown.Dead != 3 || unknown.Run.Count() != 0 || len(kinds) != 5 {
		f.Errorf("of %d kinds, unknown: %+v", len(kinds), unknown)
	}
}

// checkGauges looks for what the caretaker noted.
func (f *fleet) checkGauges(series []inspect.Stat) {
	f.Helper()
	noted := false
	for _, s := range series {
		noted = noted || s.Waiting >= 0 && s.InFlight >= 0
	}
	if !noted {
		f.Error("the caretaker noted nothing")
	}
}

func TestStatsRefuseWhatWouldCostTooMuch(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	now := time.Now()
	for _, test := range []struct{ back, step time.Duration }{
		{time.Hour, 0}, {time.Hour, time.Second}, {time.Hour, 90 * time.Second}, {7 * 24 * time.Hour, time.Minute},
		{-time.Hour, time.Minute}, {2000 * time.Hour, time.Hour},
	} {
		if _, err := f.inspect.Stats(t.Context(), "orders", now.Add(-test.back), now, test.step); err == nil {
			t.Errorf("%+v was accepted", test)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var h inspect.Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("of nothing")
	}
	h.Counts[0], h.Counts[6] = 50, 50 // to 1 ms, and 3 to 4 ms
	for q, want := range map[float64]time.Duration{
		0: 0, 0.25: 500 * time.Microsecond, 0.5: time.Millisecond, 0.75: 3500 * time.Microsecond, 1: 4 * time.Millisecond,
	} {
		if got := h.Quantile(q); got != want {
			t.Errorf("quantile %v is %s, want %s", q, got, want)
		}
	}
	h.Counts[len(h.Counts)-1] = 1000
	if got := h.Quantile(0.95); got != inspect.HistogramBounds[len(inspect.HistogramBounds)-1] {
		t.Errorf("got %s", got)
	}
	for _, d := range []time.Duration{2 * time.Second, 150 * time.Second, 13 * time.Minute, 5 * time.Hour, 3e5 * 1e9} {
		k, _ := slices.BinarySearch(inspect.HistogramBounds[:], d)
		var h inspect.Histogram
		h.Counts[k] = 7
		if got := h.Quantile(0.5); got < d*3/4 || got > d*4/3 {
			t.Errorf("%s is drawn as %s", d, got)
		}
	}
}

// A worker that dies loses its lease, and the job is redelivered: all of that is counted.
func TestTroubleIsCounted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	f.holdAs("gone#1", 1)
	f.must(f.rdb.ZAdd(t.Context(), f.workers(), redis.Z{Score: 1, Member: "gone#1"}).Err())
	b := newBlocker()
	f.start(muxOf("k", b.handle), func(c *queue.WorkerConfig) { c.Lease = time.Second })
	run := receive(t, b.began)
	f.must(f.rdb.Del(t.Context(), f.stream()+":worker:"+run.Worker).Err()) // it is taken for dead
	f.await(queue.EventLeaseLost, 1)
	f.eventually("it is counted", func() bool {
		m, err := f.inspect.Metrics(t.Context(), "orders")
		f.must(err)
		return m.Reclaimed >= 1 && m.Redelivered >= 1 && m.LeaseLost == 1
	})
	close(b.free)
}

// The inspector knows a stuck handler by what its worker says.
func TestStuckHandlerIsShown(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	began, free := make(chan struct{}), make(chan struct{})
	f.start(muxOf("k", func(context.Context, *queue.Run) error {
		close(began)
		<-free
		return nil
	}, queue.Timeout(time.Millisecond)))
	job := f.enqueue("k", `{}`)
	receive(t, began)
	f.eventually("it is stuck", func() bool {
		found, err := f.inspect.Search(t.Context(), "orders",
			inspect.Query{State: inspect.StateInFlight, Preset: inspect.PresetStuck}, inspect.Page{})
		f.must(err)
		return len(found.Jobs) == 1 && found.Jobs[0].ID == job.ID && found.Jobs[0].Heartbeat == inspect.HeartbeatAlive
	})
	workers, err := f.inspect.Workers(t.Context(), "orders")
	f.must(err)
	if w := workers[0]; w.Running != 1 || w.Stuck != 1 || w.Version == "" {
		t.Errorf("got %+v", w)
	}
	close(free)
}
