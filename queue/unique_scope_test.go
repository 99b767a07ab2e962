package queue_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// uniqueScopes are the scopes of a unique key, with the choices of what a second call does.
var uniqueScopes = map[string]func(key string, opts ...queue.UniqueOption) queue.EnqueueOption{
	"window": func(key string, opts ...queue.UniqueOption) queue.EnqueueOption {
		return queue.Unique(key, time.Hour, opts...)
	},
	"ended":   queue.UniqueUntilEnded,
	"started": queue.UniqueUntilStarted,
}

var uniqueChoices = map[string][]queue.UniqueOption{
	"return":               nil,
	"replace":              {queue.ReplaceData()},
	"debounce":             {queue.Debounce(3 * time.Hour)},
	"replace and debounce": {queue.ReplaceData(), queue.Debounce(3 * time.Hour)},
	"reject":               {queue.RejectDuplicate()},
}

// uniqueCall is one scope with one choice.
type uniqueCall struct{ scope, choice string }

func (c uniqueCall) String() string { return c.scope + ", " + c.choice }

func (c uniqueCall) key() string { return strings.ReplaceAll(c.String(), " ", "") }

func everyUniqueCall() (calls []uniqueCall) {
	for scope := range uniqueScopes {
		for choice := range uniqueChoices {
			calls = append(calls, uniqueCall{scope, choice})
		}
	}
	return calls
}

// try enqueues a job of the call; debounced ones are delayed.
func (f *fleet) tryUnique(c uniqueCall, key, data string, opts ...queue.EnqueueOption) (*queue.Enqueued, error) {
	f.Helper()
	all := []queue.EnqueueOption{queue.On("orders"), uniqueScopes[c.scope](key, uniqueChoices[c.choice]...)}
	if strings.Contains(c.choice, "debounce") {
		all = append(all, queue.In(time.Hour))
	}
	return f.client.Enqueue(f.Context(), queue.JSON("k", []byte(data)), append(all, opts...)...)
}

// firstUnique enqueues the first job of a key.
func (f *fleet) firstUnique(c uniqueCall, key string, opts ...queue.EnqueueOption) *queue.Enqueued {
	f.Helper()
	job, err := f.tryUnique(c, key, `{"n":1}`, opts...)
	f.must(err)
	if job.Duplicate {
		f.Fatalf("%s: the first is a duplicate: %+v", c, job)
	}
	return job
}

// Every scope, with every choice, sets its key free at every end of its job, in Redis too.
func TestAUniqueKeyIsFreeAfterEveryEnd(t *testing.T) {
	t.Parallel()
	type jobs map[uniqueCall]*queue.Enqueued
	runAll := func(f *fleet, all jobs, outcome error, until queue.EventType) {
		f.start(muxOf("k", func(context.Context, *queue.Run) error { return outcome }))
		for _, job := range all {
			if job.Due != nil {
				f.must(f.inspect.RunNow(t.Context(), "orders", job.ID))
			}
		}
		f.await(until, len(all))
	}
	act := func(a inspect.Action) func(*fleet, jobs) {
		return func(f *fleet, all jobs) {
			for _, job := range all {
				if a == inspect.ActionDelete {
					f.must(f.inspect.Delete(t.Context(), "orders", job.ID))
				} else {
					f.must(f.inspect.Cancel(t.Context(), "orders", job.ID))
				}
			}
		}
	}
	for name, end := range map[string]struct {
		opts []queue.EnqueueOption
		do   func(*fleet, jobs)
		raw  bool // no script of ours sees it: the key goes with the next sweep, or the next call
	}{
		"done": {do: func(f *fleet, all jobs) { runAll(f, all, nil, queue.EventDone) }},
		"done, with a result": {opts: []queue.EnqueueOption{queue.Retain(time.Hour)}, do: func(f *fleet, all jobs) {
			runAll(f, all, nil, queue.EventDone)
		}},
		"dead": {do: func(f *fleet, all jobs) { runAll(f, all, queue.Cancel(errors.New("no")), queue.EventDead) }},
		"expired": {
			opts: []queue.EnqueueOption{queue.In(time.Millisecond), queue.ExpiresIn(time.Millisecond)},
			do: func(f *fleet, all jobs) {
				for _, job := range all {
					f.late(job.ID)
				}
				f.start(muxOf("k", func(context.Context, *queue.Run) error { return nil }))
				f.await(queue.EventExpired, len(all))
			},
		},
		"cancelled": {do: act(inspect.ActionCancel)},
		"deleted":   {do: act(inspect.ActionDelete)},
		"purged": {do: func(f *fleet, _ jobs) {
			for _, state := range []inspect.State{inspect.StateWaiting, inspect.StateDelayed} {
				_, err := f.inspect.Act(t.Context(), "orders", inspect.Query{State: state}, inspect.ActionDelete, nil)
				f.must(err)
			}
		}},
		"deleted by another program": {raw: true, do: func(f *fleet, _ jobs) {
			f.must(f.rdb.Del(t.Context(), f.stream(), f.stream()+":delayed", f.stream()+":bodies").Err())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			all := jobs{}
			for _, c := range everyUniqueCall() {
				all[c] = f.firstUnique(c, c.key(), end.opts...)
			}
			end.do(f, all)
			for c, job := range all {
				is := f.rdb.Get(t.Context(), f.stream()+":unique:"+c.key()).Val()
				keeps := c.scope == "window" && (strings.HasPrefix(name, "done") || end.raw)
				if held := is == job.ID; held != keeps && !end.raw {
					t.Errorf("%s: its key is held in Redis: %t", c, held)
				}
				again, err := f.tryUnique(c, c.key(), `{"n":2}`)
				rejected := keeps && c.choice == "reject"
				if again == nil || again.Duplicate != keeps || errors.Is(err, queue.ErrDuplicate) != rejected {
					t.Errorf("%s: got %+v, %v", c, again, err)
				}
			}
		})
	}
}

// What a second call does, in each state of the job that holds the key.
func TestWhatASecondUniqueCallDoes(t *testing.T) {
	t.Parallel()
	for _, c := range everyUniqueCall() {
		for _, state := range []inspect.State{
			inspect.StateWaiting, inspect.StateDelayed, inspect.StateInFlight, inspect.StateRetrying,
		} {
			if c.scope == "started" && state == inspect.StateRetrying {
				continue // it has started
			}
			t.Run(c.String()+", "+string(state), func(t *testing.T) {
				t.Parallel()
				f := newFleet(t)
				f.secondUnique(c, state)
			})
		}
	}
}

func (f *fleet) secondUnique(c uniqueCall, state inspect.State) {
	f.Helper()
	var opts []queue.EnqueueOption
	if state == inspect.StateDelayed {
		opts = append(opts, queue.In(time.Hour))
	}
	first := f.inState(c, state, opts)
	before, err := f.inspect.Job(f.Context(), "orders", first.ID)
	f.must(err)
	again, err := f.tryUnique(c, "u", `{"n":2}`, queue.In(2*time.Hour))
	if errors.Is(err, queue.ErrDuplicate) != (c.choice == "reject") || again == nil || !again.Duplicate ||
		again.ID != first.ID {
		f.Fatalf("got %+v, %v", again, err)
	}
	known := c.scope != "window" || state != inspect.StateWaiting && state != inspect.StateInFlight ||
		strings.Contains(c.choice, "replace") || strings.Contains(c.choice, "debounce")
	if known && again.State != string(state) {
		f.Errorf("it says %q", again.State)
	}
	after, err := f.inspect.Job(f.Context(), "orders", first.ID)
	f.must(err)
	replaced := strings.Contains(c.choice, "replace") && (state == inspect.StateWaiting || state == inspect.StateDelayed)
	put := strings.Contains(c.choice, "debounce") && state == inspect.StateDelayed
	if again.Changed != (replaced || put) {
		f.Errorf("changed: %t", again.Changed)
	}
	want := map[bool]string{false: `{"n":1}`, true: `{"n":2}`}[replaced]
	if string(after.Data) != want || after.State != state {
		f.Errorf("it has %s, and is %s", after.Data, after.State)
	}
	if state == inspect.StateDelayed {
		if later := after.Due.After(*before.Due); later != put {
			f.Errorf("due at %s, before %s", after.Due, before.Due)
		}
		if put && !again.Due.Equal(*after.Due) {
			f.Errorf("it says due at %s, and is at %s", again.Due, after.Due)
		}
	}
	if after.UniqueKey != "u" || after.UniqueUntil != map[string]string{"ended": "ended", "started": "started"}[c.scope] {
		f.Errorf("it is shown with the key %q until %q", after.UniqueKey, after.UniqueUntil)
	}
	if n := f.info(); n.Waiting+n.Delayed+n.InFlight+n.Retrying != 1 {
		f.Errorf("got %+v", n)
	}
	f.inOrder()
}

// inState enqueues a job, and brings it into a state.
func (f *fleet) inState(c uniqueCall, state inspect.State, opts []queue.EnqueueOption) *queue.Enqueued {
	f.Helper()
	first := f.firstUnique(c, "u", opts...)
	if first.Due != nil && state != inspect.StateDelayed {
		f.must(f.inspect.RunNow(f.Context(), "orders", first.ID))
	}
	switch state {
	case inspect.StateInFlight:
		f.holdAs("w#1", 1)
	case inspect.StateRetrying:
		w := f.start(muxOf("k", func(context.Context, *queue.Run) error { return errors.New("away") },
			queue.Backoff(time.Hour, time.Hour)))
		f.await(queue.EventFailed, 1)
		f.must(w.Stop(f.Context()))
	}
	return first
}

// Of many callers at once, by several clients, one enqueues the job, in every scope.
func TestOneOfManyHoldsTheUniqueKey(t *testing.T) {
	t.Parallel()
	for _, c := range everyUniqueCall() {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			var won, lost, failed atomic.Int64
			var callers sync.WaitGroup
			for range 4 {
				client, err := queue.NewClient(f.rdb, queue.ClientConfig{Namespace: f.namespace})
				f.must(err)
				t.Cleanup(func() { _ = client.Close() })
				for range 25 {
					callers.Go(func() {
						job, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("orders"),
							queue.In(time.Hour), uniqueScopes[c.scope]("u", uniqueChoices[c.choice]...))
						switch {
						case err == nil && !job.Duplicate:
							won.Add(1)
						case job != nil && job.Duplicate && errors.Is(err, queue.ErrDuplicate) == (c.choice == "reject"):
							lost.Add(1)
						default:
							failed.Add(1)
						}
					})
				}
			}
			callers.Wait()
			if won.Load() != 1 || lost.Load() != 99 || f.info().Delayed != 1 {
				t.Errorf("%d enqueued it, %d found it, %d neither; %+v", won.Load(), lost.Load(), failed.Load(), f.info())
			}
		})
	}
}

// While jobs run and end, never more than one runs of a key that is held until the end, and none is held for ever.
func TestJobsOfOneUniqueKeyRunOneAtATime(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var running, most, runs atomic.Int64
	f.start(muxOf("k", func(_ context.Context, run *queue.Run) error {
		now := running.Add(1)
		for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
		}
		runs.Add(1)
		running.Add(-1)
		if run.Attempt == 1 {
			return errors.New("once")
		}
		return nil
	}, queue.Backoff(time.Millisecond, time.Millisecond)))
	var callers sync.WaitGroup
	for n := range 8 {
		callers.Go(func() {
			for runs.Load() < 200 {
				opts := []queue.EnqueueOption{queue.On("orders"), queue.UniqueUntilEnded("u")}
				if n%2 == 0 {
					opts = append(opts, queue.Retain(time.Second))
				}
				if _, err := f.client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), opts...); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	f.empty()
	if most.Load() != 1 {
		t.Errorf("%d ran at once", most.Load())
	}
	f.inOrder()
}

// A job that is held until it starts lets the next in while it runs, alone and in a batch.
func TestAStartedJobLetsTheNextIn(t *testing.T) {
	t.Parallel()
	for name, mux := range map[string]func(b *blocker) *queue.Mux{
		"alone": func(b *blocker) *queue.Mux { return muxOf("event", b.handle) },
		"batch": func(b *blocker) *queue.Mux {
			return batchMux(func(ctx context.Context, jobs []*queue.Job[event]) error {
				return b.handle(ctx, &queue.Run{ID: jobs[0].ID})
			}, queue.BatchOf(10), queue.BatchWithin(time.Millisecond))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			b := newBlocker()
			until := queue.UniqueUntilStarted("u")
			first := f.enqueue("event", `{"name":"a"}`, until)
			f.enqueue("event", `{"name":"b"}`)
			if again := f.enqueue("event", `{}`, until); !again.Duplicate || again.State != "waiting" {
				t.Errorf("before its start: %+v", again)
			}
			f.start(mux(b), oneSlot)
			receive(t, b.began)
			second := f.enqueue("event", `{"name":"c"}`, until)
			if second.Duplicate {
				t.Errorf("while it runs: %+v", second)
			}
			if again := f.enqueue("event", `{}`, until); !again.Duplicate || again.ID != second.ID || again.ID == first.ID {
				t.Errorf("while the second waits: %+v", again)
			}
			close(b.free)
			f.await(queue.EventDone, 3)
			if n := f.rdb.Exists(t.Context(), f.stream()+":unique:u").Val(); n != 0 {
				t.Error("the key is left")
			}
		})
	}
}

// A worker that is killed between the script and the handler has started the job: its key is free, and it runs again.
func TestAJobWhoseWorkerDiedAtItsStartHasStarted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	until := queue.UniqueUntilStarted("u")
	first := f.enqueue("quick", `{}`, until)
	victim := f.process(processConfig{Lease: time.Second, DiesAtStart: true})
	receive(t, victim.ended)
	second := f.enqueue("quick", `{}`, until)
	if second.Duplicate {
		t.Errorf("got %+v", second)
	}
	f.start(muxOf("quick", noop), func(c *queue.WorkerConfig) { c.Lease = time.Second })
	for _, e := range f.await(queue.EventDone, 2) {
		if want := map[string]int{first.ID: 1, second.ID: 0}[e.Job]; e.Redelivered != want || e.Attempt != 1 {
			t.Errorf("got %+v", e)
		}
	}
	f.inOrder()
}
