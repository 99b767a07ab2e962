package inspect_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/queue/inspect"
)

// registered makes a registration whose lease ends in so long, with the fields that are given.
func (w *world) registered(consumer string, left time.Duration, fields ...any) {
	w.Helper()
	ends := float64(time.Now().Add(left).UnixMilli())
	w.must(w.rdb.ZAdd(w.Context(), w.key("workers"), redis.Z{Score: ends, Member: consumer}).Err())
	if len(fields) > 0 {
		w.must(w.rdb.HSet(w.Context(), w.key("worker:"+consumer), fields...).Err())
	}
}

func TestWorkersAreWhatTheirRegistrationSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue("k", `{}`)
	w.registered("box-1#abcdef", time.Hour, "worker", "box-1", "host", "box", "pid", "7", "slots", "20", "lease_ms",
		"3600000",
		"started_ms", "1700000000000", "running", "3", "stuck", "1-0 2-0", "state", "quiet", "version", "shop@v1")
	w.registered("old-2#abcdef", time.Second, "host", "box", "pid", "8", "lease_ms", "4000") // by a version before
	w.registered("odd", -time.Second, "worker", "odd", "pid", "no number", "slots", "", "lease_ms", "-5")
	w.registered("bare#abcdef", time.Hour)                                       // nothing but a lease
	w.registered("jump#abcdef", time.Hour, "worker", "jump", "lease_ms", "4000") // Redis' clock was set back since
	workers, err := w.look.Workers(t.Context(), "orders")
	w.must(err)
	byName := map[string]inspect.WorkerInfo{}
	for _, worker := range workers {
		byName[worker.Name] = worker
	}
	for name, want := range map[string]struct {
		process   string
		heartbeat inspect.Heartbeat
		state     inspect.WorkerState
	}{
		"box-1#abcdef": {"box-1", inspect.HeartbeatAlive, inspect.WorkerQuiet},
		"old-2#abcdef": {"old-2", inspect.HeartbeatLate, inspect.WorkerWorking},
		"odd":          {"odd", inspect.HeartbeatGone, inspect.WorkerWorking},
		"bare#abcdef":  {"bare", inspect.HeartbeatAlive, inspect.WorkerWorking},
		"jump#abcdef":  {"jump", inspect.HeartbeatGone, inspect.WorkerWorking},
	} {
		got := byName[name]
		if got.Process != want.process || got.Heartbeat != want.heartbeat || got.State != want.state ||
			got.Queue != "orders" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	full := byName["box-1#abcdef"]
	if full.Host != "box" || full.PID != 7 || full.Slots != 20 || full.Running != 3 || full.Stuck != 2 ||
		full.Version != "shop@v1" || full.Started.UnixMilli() != 1700000000000 || full.LeaseMS < 3_500_000 {
		t.Errorf("got %+v", full)
	}
}

func TestCommandsToWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue("k", `{}`)
	w.registered("box#abcdef", time.Hour, "worker", "box")
	for command, give := range map[string]func() error{
		"quiet": func() error {
			return w.look.QuietWorker(inspect.WithActor(t.Context(), "ann b"), "orders", "box#abcdef")
		},
		"wake": func() error { return w.look.WakeWorker(t.Context(), "orders", "box#abcdef") },
		"stop": func() error { return w.look.StopWorker(t.Context(), "orders", "box#abcdef") },
	} {
		w.must(give())
		stored := w.rdb.HGet(t.Context(), w.key("worker:box#abcdef"), "order").Val()
		if len(stored) < len(command) || stored[:len(command)] != command {
			t.Errorf("%s: %q is stored", command, stored)
		}
	}
	for _, command := range []inspect.WorkerCommand{"", "kill", "Quiet"} {
		if err := w.look.CommandWorker(t.Context(), "orders", "box#abcdef", command); err == nil {
			t.Errorf("%q is accepted", command)
		}
	}
	if err := w.look.QuietWorker(t.Context(), "orders", "box"); !errors.Is(err, inspect.ErrNotFound) {
		t.Errorf("by another name: %v", err)
	}
}

// What happens next to a job in flight depends on its holder, on its queue, and on what a person has said.
func TestWhatHappensNextToAJobInFlight(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		consumer string
		prepare  func(w *world, entry string)
		beats    inspect.Heartbeat
		step     string
	}{
		"alive": {"box#abcdef", func(w *world, _ string) { w.lease("box#abcdef", time.Hour) },
			inspect.HeartbeatAlive, "runs"},
		"late": {"box#abcdef", func(w *world, _ string) { w.lease("box#abcdef", time.Second) },
			inspect.HeartbeatLate, "reclaimed unless"},
		"gone, nobody else": {"box#abcdef", func(*world, string) {}, inspect.HeartbeatGone,
			"waits: no worker serves this queue"},
		"gone, another is there": {"box#abcdef", func(w *world, _ string) { w.lease("two#abcdef", time.Hour) },
			inspect.HeartbeatGone, "reclaimed in "},
		"its lease has ended": {"box#abcdef", func(w *world, _ string) {
			w.lease("box#abcdef", -time.Second)
			w.lease("two#abcdef", time.Hour)
		}, inspect.HeartbeatGone, "reclaimed any moment"},
		"of another program": {"python", func(w *world, _ string) { w.lease("two#abcdef", time.Hour) }, inspect.HeartbeatGone,
			"reclaimed in "},
		"parked": {"~orphans", func(w *world, _ string) { w.lease("two#abcdef", time.Hour) },
			inspect.HeartbeatParked, "parked, runs in the next free slot"},
		"parked and paused": {"~released", func(w *world, _ string) {
			w.lease("two#abcdef", time.Hour)
			w.must(w.look.Pause(w.Context(), "orders"))
		}, inspect.HeartbeatParked, "parked, runs when the queue is resumed"},
		"parked, killed many": {"~orphans", func(w *world, entry string) {
			w.lease("two#abcdef", time.Hour)
			w.must(w.rdb.HSet(w.Context(), w.key("crashed"), entry, "a#aaaaaa b#aaaaaa c#aaaaaa").Err())
		}, inspect.HeartbeatParked, "dead when a worker takes it"},
		"one crash from dead": {"box#abcdef", func(w *world, entry string) {
			w.lease("box#abcdef", time.Hour)
			w.must(w.rdb.HSet(w.Context(), w.key("crashed"), entry, "a#aaaaaa b#aaaaaa").Err())
		}, inspect.HeartbeatAlive, "runs; dead after the next crash"},
		"cancelled": {"box#abcdef", func(w *world, _ string) {
			w.lease("box#abcdef", time.Hour)
			page, err := w.look.Search(w.Context(), "orders", inspect.Query{State: inspect.StateInFlight}, inspect.Page{})
			w.must(err)
			w.must(w.look.Cancel(w.Context(), "orders", page.Jobs[0].ID))
		}, inspect.HeartbeatAlive, "cancelled: ends when its handler returns"},
		"stuck": {"box#abcdef", func(w *world, entry string) {
			w.lease("box#abcdef", time.Hour)
			w.must(w.rdb.HSet(w.Context(), w.key("worker:box#abcdef"), "stuck", entry).Err())
		}, inspect.HeartbeatAlive, "keeps its slot until its handler returns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.enqueue("k", `{}`)
			w.hold(test.consumer)
			test.prepare(w, w.job(id).Entry)
			job := w.job(id)
			if job.Heartbeat != test.beats || len(job.NextStep) < len(test.step) || job.NextStep[:len(test.step)] != test.step {
				t.Errorf("got %s, %q; want %s, %q", job.Heartbeat, job.NextStep, test.beats, test.step)
			}
			if job.Parked != (test.beats == inspect.HeartbeatParked) {
				t.Errorf("parked: %t", job.Parked)
			}
		})
	}
}

// lease gives a consumer a lease of four seconds that ends in so long.
func (w *world) lease(consumer string, left time.Duration) {
	w.Helper()
	w.registered(consumer, left, "lease_ms", max(left, 4*time.Second).Milliseconds(), "max_crashes", "3")
}
