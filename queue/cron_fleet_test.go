package queue_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/cron"
	"github.com/navvy-go/navvy/queue/inspect"
)

// declaring configures a worker that declares entries of the queue "orders", each of the kind k.
func declaring(version int64, entries ...queue.CronEntry) func(*queue.WorkerConfig) {
	return func(c *queue.WorkerConfig) {
		c.Cron = queue.CronConfig{Parse: cron.Parse, Entries: entries, Version: version}
	}
}

func cronOf(name, spec string, opts ...queue.CronOption) queue.CronEntry {
	return queue.Cron(name, spec, queue.JSON("k", []byte(`{"n":1}`)), append(opts, queue.On("orders"))...)
}

// cronEntry waits for an entry of the queue "orders" that is as it is to be.
func (f *fleet) cronEntry(name, what string, is func(inspect.CronEntry) bool) inspect.CronEntry {
	f.Helper()
	var e inspect.CronEntry
	f.eventually(name+": "+what, func() bool {
		var err error
		e, err = f.inspect.Cron(f.Context(), "orders", name)
		if err != nil && !errors.Is(err, inspect.ErrNoCron) && !errors.Is(err, inspect.ErrNotFound) {
			f.Fatal(err)
		}
		return err == nil && is(e)
	})
	return e
}

func TestACronEntryIsDeclaredShownAndRun(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.start(muxOf("k", noop), declaring(7, cronOf("nightly", "CRON_TZ=Europe/Zurich 0 3 * * *"),
		cronOf("second", "* * * * * *")))
	e := f.cronEntry("nightly", "declared", func(e inspect.CronEntry) bool { return e.Declared })
	if e.Version != 7 || e.Next == nil || len(e.Upcoming) != 5 || e.Upcoming[0].Location().String() != "Europe/Zurich" ||
		!e.Upcoming[0].Equal(*e.Next) || e.Upcoming[0].Hour() != 3 || e.Kind != "k" || string(e.Data) != `{"n":1}` ||
		e.Edited != nil || e.Paused != nil || e.Last != nil || e.Problem != "" || e.CatchUp != 1 || e.Overlap != "allow" ||
		e.State != inspect.CronOn || e.Zone != "Europe/Zurich" || e.Undeclared() {
		t.Errorf("declared is %+v", e)
	}
	f.cronEntry("second", "enqueued", func(e inspect.CronEntry) bool {
		return e.Last != nil && e.Last.Outcome == "enqueued"
	})
	f.await(queue.EventDone, 2)
	for _, done := range f.events.of(queue.EventDone) {
		if !strings.HasPrefix(done.Job, "cron:second:") {
			t.Errorf("%s has run", done.Job)
		}
	}
	id, err := f.inspect.RunCron(t.Context(), "orders", "nightly")
	f.must(err)
	f.eventually("the job runs", func() bool {
		return slices.ContainsFunc(f.events.of(queue.EventDone), func(e queue.Event) bool { return e.Job == id })
	})
	history, err := f.inspect.CronHistory(t.Context(), "orders", "nightly")
	if f.must(err); len(history) != 1 || history[0].Outcome != "run" {
		t.Errorf("history %+v", history)
	}
	f.must(w.Stop(t.Context()))
	e = f.cronEntry("nightly", "kept", func(e inspect.CronEntry) bool { return !e.Declared })
	if e.Next == nil || e.Job != id || !e.Undeclared() {
		t.Errorf("when nobody declares it any more: %+v", e)
	}
}

// What a person does to an entry goes before what code declares.
func TestAPersonsChangesOfACronEntryStay(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ctx := inspect.WithActor(t.Context(), "olga")
	start := func(version int64, spec string) *queue.Worker {
		return f.start(muxOf("k", noop), declaring(version, cronOf("a", spec), cronOf("b", spec), cronOf("c", spec)))
	}
	w := start(1, "0 3 * * *")
	f.cronEntry("c", "declared", func(e inspect.CronEntry) bool { return e.Declared })
	_, err := f.inspect.PauseCron(ctx, "orders", "a")
	f.must(err)
	edited, err := f.inspect.EditCron(ctx, "orders", "b", func(s *inspect.CronSettings) {
		s.Spec, s.CatchUp = "30 4 * * *", 9
	})
	if f.must(err); edited.Next == nil || edited.Next.Format("15:04") != "04:30" || edited.CatchUp != 9 {
		t.Errorf("edited is %+v", edited)
	}
	f.must(w.Stop(t.Context()))
	start(2, "0 5 * * *")
	f.cronEntry("c", "newer", func(e inspect.CronEntry) bool { return e.Spec == "0 5 * * *" && e.Version == 2 })
	a := f.cronEntry("a", "newer, and paused", func(e inspect.CronEntry) bool { return e.Spec == "0 5 * * *" })
	if a.Paused == nil || a.Paused.By != "olga" || a.Next != nil {
		t.Errorf("paused is %+v", a)
	}
	b := f.cronEntry("b", "as edited", func(e inspect.CronEntry) bool { return e.Declared })
	if b.Spec != "30 4 * * *" || b.Edited == nil || b.Edited.By != "olga" {
		t.Errorf("edited is %+v", b)
	}
	a, err = f.inspect.ResumeCron(ctx, "orders", "a")
	if f.must(err); a.Paused != nil || a.Next == nil || a.Next.Format("15:04") != "05:00" {
		t.Errorf("resumed is %+v", a)
	}
	audit, err := f.inspect.Verify(t.Context(), "orders", nil)
	if f.must(err); !audit.OK() {
		t.Errorf("verify: %+v", audit)
	}
}

// A person adds an entry to a queue that nobody has used, and workers without entries of their own enqueue it.
func TestAPersonAddsACronEntry(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ctx := inspect.WithActor(t.Context(), "olga")
	s := inspect.CronSettings{Spec: "@every 1s", Kind: "k", Data: []byte(`{}`), CatchUp: 1, Overlap: "skip"}
	added, err := f.inspect.AddCron(ctx, "orders", "mine", s)
	if f.must(err); added.Edited == nil || added.Edited.By != "olga" || added.Declared || added.Overlap != "skip" {
		t.Errorf("added is %+v", added)
	}
	if _, err := f.inspect.AddCron(ctx, "orders", "mine", s); !errors.Is(err, inspect.ErrCronExists) {
		t.Errorf("added twice: %v", err)
	}
	f.start(muxOf("k", noop), declaring(0))
	f.await(queue.EventDone, 2)
	if err := f.inspect.Forget(t.Context(), "orders"); !errors.Is(err, inspect.ErrInUse) {
		t.Errorf("forgotten: %v", err)
	}
	f.must(f.inspect.DeleteCron(ctx, "orders", "mine"))
	if _, err := f.inspect.Cron(ctx, "orders", "mine"); !errors.Is(err, inspect.ErrNoCron) {
		t.Errorf("deleted: %v", err)
	}
	if keys := f.rdb.Keys(t.Context(), "*{orders}:cron*").Val(); slices.ContainsFunc(keys, func(key string) bool {
		return strings.HasPrefix(key, f.namespace+":")
	}) {
		t.Errorf("left are %v", keys)
	}
}

func TestWrongCronsArePersonsMistakes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.enqueue("k", `{}`)
	good := inspect.CronSettings{Spec: "@daily", Kind: "k", Data: []byte(`{}`)}
	for name, change := range map[string]func(*inspect.CronSettings){
		"spec":     func(s *inspect.CronSettings) { s.Spec = "daily" },
		"kind":     func(s *inspect.CronSettings) { s.Kind = "" },
		"data":     func(s *inspect.CronSettings) { s.Data = []byte("{") },
		"catch up": func(s *inspect.CronSettings) { s.CatchUp = 1001 },
		"overlap":  func(s *inspect.CronSettings) { s.Overlap = "never" },
		"jitter":   func(s *inspect.CronSettings) { s.Jitter = -1 },
		"size":     func(s *inspect.CronSettings) { s.Data = []byte(`"` + strings.Repeat("x", 65536) + `"`) },
	} {
		s := good
		change(&s)
		if _, err := f.inspect.AddCron(t.Context(), "orders", "a", s); !errors.Is(err, inspect.ErrBadCron) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.inspect.AddCron(t.Context(), "orders", "a b", good); !errors.Is(err, inspect.ErrBadCron) {
		t.Errorf("a name with a space: %v", err)
	}
	for name, do := range map[string]func() error{
		"pause":  func() error { _, err := f.inspect.PauseCron(t.Context(), "orders", "no"); return err },
		"resume": func() error { _, err := f.inspect.ResumeCron(t.Context(), "orders", "no"); return err },
		"run":    func() error { _, err := f.inspect.RunCron(t.Context(), "orders", "no"); return err },
		"delete": func() error { return f.inspect.DeleteCron(t.Context(), "orders", "no") },
		"history": func() error {
			_, err := f.inspect.CronHistory(t.Context(), "orders", "no")
			return err
		},
	} {
		if err := do(); !errors.Is(err, inspect.ErrNoCron) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A job of an entry that has not ended holds the next tick back, until it has; and a worker without a parser does not
// stand in the way, though it is the caretaker.
func TestAQueuedTickWaitsForTheEndOfTheJob(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop)) // without a parser
	f.await(queue.EventCaretakerTaken, 1)
	f.must(f.inspect.Pause(t.Context(), "orders")) // no job ends
	f.start(muxOf("k", noop), declaring(1, cronOf("one", "* * * * * *", queue.Overlap(queue.OverlapQueue))))
	f.cronEntry("one", "held", func(e inspect.CronEntry) bool { return e.Held })
	if n := f.info().Waiting; n != 1 {
		t.Errorf("%d jobs wait", n)
	}
	f.must(f.inspect.Resume(t.Context(), "orders"))
	f.await(queue.EventDone, 2)
}

// An entry without a tick, and a tick without an entry.
func TestVerifyFindsDamagedCronEntries(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := inspect.CronSettings{Spec: "@daily", Kind: "k", Data: []byte(`{}`)}
	for _, name := range []string{"a", "b", "paused"} {
		_, err := f.inspect.AddCron(t.Context(), "orders", name, s)
		f.must(err)
	}
	_, err := f.inspect.PauseCron(t.Context(), "orders", "paused")
	f.must(err)
	f.must(f.rdb.ZRem(t.Context(), f.stream()+":cron:next", "a").Err())
	f.must(f.rdb.HDel(t.Context(), f.stream()+":cron", "b").Err())
	audit, err := f.inspect.Verify(t.Context(), "orders", nil)
	f.must(err)
	if len(audit.Missing) != 2 || !strings.Contains(audit.Missing[0], "cron entry a is not paused and has no next tick") ||
		!strings.Contains(audit.Missing[1], "cron entry b is due at") {
		t.Errorf("missing: %q", audit.Missing)
	}
}

// On a cluster a script may touch one slot, and only the keys that it declares.
func TestCronOnACluster(t *testing.T) {
	t.Parallel()
	f := newClusterFleet(t)
	w, err := queue.NewWorker(f.cluster, muxOf("k", noop), queue.WorkerConfig{
		Namespace: f.namespace, Queues: map[string]queue.QueueConfig{"orders": {}}, Observer: f.events,
		Cron: queue.CronConfig{Parse: cron.Parse, Entries: []queue.CronEntry{
			cronOf("second", "* * * * * *", queue.Overlap(queue.OverlapSkip)), cronOf("nightly", "@daily"),
		}},
	})
	f.must(err)
	f.must(w.Start(t.Context()))
	f.await(queue.EventDone, 2)
	_, err = f.inspect.RunCron(t.Context(), "orders", "nightly")
	f.must(err)
	_, err = f.inspect.PauseCron(t.Context(), "orders", "second")
	f.must(err)
	f.await(queue.EventDone, 3)
	history, err := f.inspect.CronHistory(t.Context(), "orders", "nightly")
	if f.must(err); len(history) != 1 {
		t.Errorf("history %+v", history)
	}
	f.must(f.inspect.DeleteCron(t.Context(), "orders", "nightly"))
	f.must(w.Stop(t.Context()))
	f.inOrder()
}

// Whatever happens to Redis, each tick is enqueued once, and none is left out that the entry makes up for.
func TestTicksOutliveRedisTroubles(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(f *fleet){
		"clients cut": func(f *fleet) { _ = f.rdb.Do(f.Context(), "CLIENT", "KILL", "TYPE", "normal").Err() },
		"restart":     func(f *fleet) { f.server.Kill(); f.must(f.server.Restart()) },
		"no scripts":  func(f *fleet) { f.must(f.rdb.ScriptFlush(f.Context()).Err()) },
		"full":        fullForAWhile,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, redistest.New(t, "--appendonly", "yes", "--appendfsync", "always"))
			ran := &starts{seen: map[string]int{}}
			for range 2 {
				f.start(muxOf("k", ran.handle), declaring(1, cronOf("second", "* * * * * *", queue.CatchUp(1000))))
			}
			for round := range 2 {
				f.eventually("ticks run", func() bool { return len(ran.counts()) >= 2*(round+1) })
				trouble(f)
			}
			f.eventually("ticks run again", func() bool { return len(ran.counts()) >= 6 })
			_, err := f.inspect.PauseCron(t.Context(), "orders", "second")
			f.must(err)
			f.eventually("all have run", func() bool { return f.info().Waiting+f.info().InFlight == 0 })
			var ticks []int64
			for id := range ran.counts() {
				ms, err := strconv.ParseInt(strings.TrimPrefix(id, "cron:second:"), 10, 64)
				f.must(err)
				ticks = append(ticks, ms)
			}
			slices.Sort(ticks)
			for i, tick := range ticks {
				if tick != ticks[0]+int64(i)*1000 {
					t.Fatalf("ticks %d", ticks)
				}
			}
			if audit := f.verify(); !audit.OK() {
				t.Errorf("verify: %+v", audit)
			}
		})
	}
}
