package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// nilError is an error whose typed nil cannot be read.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// oddError is an error with a method for each way to end what reads it.
type oddError struct{ text, unwrap func() }

func (e oddError) Error() string { e.text(); return "odd" }

func (e oddError) Unwrap() error {
	if e.unwrap != nil {
		e.unwrap()
	}
	return nil
}

func panics() { panic("the application's own") }

// oddArgs are arguments that cannot be decoded in peace.
type oddArgs struct{ Way string }

func (oddArgs) Kind() string { return "odd" }

func (oddArgs) UnmarshalJSON(data []byte) error {
	switch {
	case strings.Contains(string(data), "panic"):
		panics()
	case strings.Contains(string(data), "goexit"):
		runtime.Goexit()
	}
	return nil
}

// failures are all the ways in which what a handler does, or returns, may end what called it; and what the job's error
// then says.
func failures() map[string]struct {
	handler func() error
	says    string
} {
	type failure = struct {
		handler func() error
		says    string
	}
	return map[string]failure{
		"panic":               {func() error { panics(); return nil }, "panic: the application's own"},
		"panic with an error": {func() error { panic(errors.New("sick")) }, "panic: sick"},
		"goexit":              {func() error { runtime.Goexit(); return nil }, "runtime.Goexit"},
		"typed nil error":     {func() error { var e *nilError; return e }, "nil pointer"},
		"text panics":         {func() error { return oddError{text: panics} }, "the application's own"},
		"text exits":          {func() error { return oddError{text: runtime.Goexit} }, "runtime.Goexit"},
		"unwrap panics":       {func() error { return oddError{func() {}, panics} }, "the application's own"},
		"unwrap exits":        {func() error { return oddError{func() {}, runtime.Goexit} }, "runtime.Goexit"},
		"retry with nil":      {func() error { var e *nilError; return queue.RetryIn(time.Hour, e) }, "nil pointer"},
	}
}

// awaitIdle waits until nothing is in flight: every slot came back.
func (f *fleet) awaitIdle() {
	f.Helper()
	f.eventually("nothing is in flight", func() bool { i := f.info(); return i.InFlight+i.Waiting == 0 })
}

func TestWhatAHandlerDoesIsItsJobsFailedAttempt(t *testing.T) {
	t.Parallel()
	for name, test := range failures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			mux := muxOf("ok", noop)
			mux.HandleKind("bad", func(context.Context, *queue.Run) error { return test.handler() }, queue.MaxAttempts(5),
				queue.Backoff(time.Hour, time.Hour))
			f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 2 })
			for range 4 { // more than there are slots
				f.enqueue("bad", `{}`)
			}
			f.await(queue.EventFailed, 4)
			f.enqueue("ok", `{}`)
			f.await(queue.EventDone, 1)
			f.awaitIdle()
			for _, e := range f.events.of(queue.EventFailed) {
				if !strings.Contains(e.Err.Error(), test.says) || !strings.Contains(e.Err.Error(), "goroutine ") {
					t.Errorf("the attempt failed with %.300v", e.Err)
				}
			}
			job, err := f.inspect.Job(t.Context(), "orders", f.events.of(queue.EventFailed)[0].Job)
			f.must(err)
			if !strings.Contains(job.Error, test.says) || job.Attempt != 1 {
				t.Errorf("the job is %+v", job)
			}
		})
	}
}

func TestWhatABatchDoesIsItsJobsFailedAttempt(t *testing.T) {
	t.Parallel()
	ways := failures()
	ways["one of the outcomes"] = struct {
		handler func() error
		says    string
	}{func() error { var e *nilError; return queue.Outcomes([]error{e, e, e}) }, "nil pointer"}
	for name, test := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			mux := muxOf("ok", noop)
			queue.HandleBatch(mux, func(context.Context, []*queue.Job[charge]) error { return test.handler() },
				queue.BatchOf(3), queue.BatchWithin(time.Minute), queue.Backoff(time.Hour, time.Hour))
			f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 1 })
			for range 6 {
				f.enqueue("payment.charge", `{"order_id":"o","cents":1}`)
			}
			for _, e := range f.await(queue.EventFailed, 6) {
				if !strings.Contains(e.Err.Error(), test.says) {
					t.Errorf("the attempt failed with %.300v", e.Err)
				}
			}
			f.enqueue("ok", `{}`)
			f.await(queue.EventDone, 1)
			f.awaitIdle()
		})
	}
}

func TestFunctionsOfTheApplicationEndNothing(t *testing.T) {
	t.Parallel()
	calls := map[string]func(){"panics": panics, "exits": runtime.Goexit}
	for way, do := range calls {
		t.Run("backoff "+way, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			mux := queue.NewMux()
			mux.HandleKind("k", func(context.Context, *queue.Run) error { return errors.New("sick") },
				queue.BackoffFunc(func(int, error) time.Duration { do(); return 0 }), queue.MaxAttempts(2))
			f.start(mux)
			f.enqueue("k", `{}`)
			e := f.await(queue.EventFailed, 1)[0]
			if text := e.Err.Error(); !strings.HasPrefix(text, "sick; and then its BackoffFunc: ") {
				t.Errorf("got %.300s", text)
			}
			f.await(queue.EventDead, 1) // after the default backoff
		})
		t.Run("middleware "+way, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			mux := muxOf("k", noop)
			mux.Use(func(queue.Handler) queue.Handler {
				return func(context.Context, *queue.Run) error { do(); return nil }
			})
			f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 1 })
			f.enqueue("k", `{}`)
			f.enqueue("k", `{}`)
			f.await(queue.EventFailed, 2)
			f.awaitIdle()
		})
		t.Run("codec "+way, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			mux := queue.NewMux()
			queue.Handle(mux, func(_ context.Context, job *queue.Job[oddArgs]) error { return job.SetResult(odd(do)) })
			f.start(mux, func(c *queue.WorkerConfig) { c.Concurrency = 1 })
			f.enqueue("odd", `"panic"`)
			f.enqueue("odd", `"goexit"`)
			f.enqueue("odd", `"result"`)
			f.await(queue.EventFailed, 3)
			f.awaitIdle()
		})
		t.Run("clock "+way, func(t *testing.T) {
			t.Parallel()
			if way == "exits" { // a clock is called everywhere: that one cannot be survived, nor does it happen
				return
			}
			f := newFleet(t)
			f.start(muxOf("k", noop), func(c *queue.WorkerConfig) {
				c.Now, c.Rand = func() time.Time { do(); return time.Time{} }, func() float64 { do(); return 0 }
			})
			f.enqueue("k", `{}`)
			f.await(queue.EventDone, 1)
		})
	}
}

// odd is a result that cannot be encoded in peace.
type odd func()

func (o odd) MarshalJSON() ([]byte, error) { o(); return []byte("{}"), nil }

// An observer that fails loses what it was called with, and nothing else.
func TestAnObserverThatFailsEndsNothing(t *testing.T) {
	t.Parallel()
	for way, do := range map[string]func(){"panics": panics, "exits": runtime.Goexit} {
		for _, typ := range []queue.EventType{
			queue.EventStarted, queue.EventDone, queue.EventFailed, queue.EventDead, queue.EventWorkerJoined,
			queue.EventCaretakerTaken, queue.EventSnoozed, queue.EventWorkerLeft, "",
		} {
			t.Run(way+" "+string(typ), func(t *testing.T) {
				t.Parallel()
				if way == "exits" && (typ == queue.EventStarted || typ == "") {
					return // see TestAnObserverThatEndsTheSlotsGoroutine
				}
				f := newFleet(t)
				bad := queue.ObserverFunc(func(e queue.Event) {
					if e.Type == typ || typ == "" && e.Type != queue.EventWarning {
						do()
					}
				})
				mux := muxOf("ok", noop)
				mux.HandleKind("dead", func(context.Context, *queue.Run) error { return queue.Cancel(nil) })
				mux.HandleKind("kept", func(_ context.Context, r *queue.Run) error { return r.SetResult(1) },
					queue.Retain(time.Hour))
				mux.HandleKind("twice", func(_ context.Context, r *queue.Run) error {
					switch {
					case r.Attempt == 1 && r.Redelivered == 0 && r.LastError == "":
						return queue.RetryIn(0, errors.New("again"))
					default:
						return nil
					}
				})
				f.start(mux, func(c *queue.WorkerConfig) {
					c.Concurrency = 2
					c.Observer = queue.Observers{nil, bad, f.events}
				})
				for range 5 {
					for _, kind := range []string{"ok", "dead", "kept", "twice"} {
						f.enqueue(kind, `{}`)
					}
				}
				f.await(queue.EventDone, 15) // the next observer is notified all the same
				f.empty()
				if dead := f.info().Dead; dead != 5 {
					t.Errorf("%d are dead", dead)
				}
				lost := 0
				for _, e := range f.events.of(queue.EventWarning) {
					if errors.As(e.Err, new(*queue.PanicError)) {
						lost++
					}
				}
				if fires(typ) && lost != 1 {
					t.Errorf("it was reported %d times", lost)
				}
			})
		}
	}
}

// An observer is notified of a start on the goroutine that then runs the handler. One that ends it fails the attempt.
func TestAnObserverThatEndsTheSlotsGoroutine(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.start(muxOf("k", noop), func(c *queue.WorkerConfig) {
		c.Concurrency = 1
		c.Observer = queue.Observers{queue.ObserverFunc(func(e queue.Event) {
			if e.Type == queue.EventStarted && e.Attempt == 1 {
				runtime.Goexit()
			}
		}), f.events}
	})
	f.enqueue("k", `{}`)
	f.enqueue("k", `{}`)
	f.await(queue.EventFailed, 2)
	f.await(queue.EventDone, 2)
}

// fires reports whether an event comes in that test before its end.
func fires(typ queue.EventType) bool {
	return typ != queue.EventSnoozed && typ != queue.EventWorkerLeft
}

func TestAClientsObserverThatPanicsEndsNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var calls atomic.Int64
	client, err := queue.NewClient(f.rdb, queue.ClientConfig{
		Namespace: f.namespace, Observer: queue.ObserverFunc(func(queue.Event) { calls.Add(1); panics() }),
	})
	f.must(err)
	defer client.Close()
	for range 2 {
		_, err := client.Enqueue(t.Context(), charge{"o-1", 1}, queue.On("orders"))
		f.must(err)
	}
	results, err := client.EnqueueMany(t.Context(), []queue.Item{{Args: charge{"o-2", 1}}, {Args: charge{"o-3", 1}}})
	f.must(err)
	if len(results) != 2 || f.info().Waiting != 2 || calls.Load() != 5 { // one of them reports
		t.Errorf("%d results, %d calls", len(results), calls.Load())
	}
}

type oddKind struct{ json.RawMessage }

func (*oddKind) Kind() string { panic("no kind") }

// A mistake of the caller's in its own methods is an error of the call.
func TestArgumentsThatPanicAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var none *charge
	for name, args := range map[string]queue.Args{
		"kind": &oddKind{}, "nil": nil, "nil pointer": none, "codec": badCodec{},
	} {
		_, err := f.client.Enqueue(t.Context(), args)
		if !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%s: %.200v", name, err)
		}
		results, err := f.client.EnqueueMany(t.Context(), []queue.Item{{Args: args}})
		if !errors.Is(err, queue.ErrInvalid) || !errors.Is(results[0].Err, queue.ErrInvalid) {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

type badCodec struct{}

func (badCodec) Kind() string                 { return "bad" }
func (badCodec) MarshalJSON() ([]byte, error) { panic("no JSON") }
