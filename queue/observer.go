package queue

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Observer is notified of what happens. Observe is called on hot paths, from many goroutines at once: it must be quick
// and must not block. What it was called with is lost if it panics, and nothing else: that is reported to it as an
// [EventWarning], once a minute at the most.
type Observer interface {
	Observe(Event)
}

// ObserverFunc makes a function an [Observer].
type ObserverFunc func(Event)

// Observe calls f.
func (f ObserverFunc) Observe(e Event) { f(e) }

// Observers notifies several observers, in order, also if one of them panics.
type Observers []Observer

// Observe notifies each of them.
func (o Observers) Observe(e Event) {
	next := 0
	defer func() {
		if next < len(o) { // one of them panics or ends the goroutine: the others are notified before
			o[next:].Observe(e)
		}
	}()
	for next < len(o) {
		each := o[next]
		next++
		if each != nil {
			each.Observe(e)
		}
	}
}

// guardedObserver is the application's observer where it can harm nothing.
type guardedObserver struct {
	observer Observer // nil: none
	now      func() time.Time
	reported atomic.Int64 // when a failure of it was last reported, on the monotonic clock; 0 before
}

// observe notifies the observer of n events, on a goroutine of its own: it may end that.
func (g *guardedObserver) observe(n int, event func(i int) Event) {
	if g.observer == nil {
		return
	}
	for i := 0; i < n; {
		failed := isolate(func() {
			for i < n {
				e := event(i)
				i++
				g.observer.Observe(e)
			}
		})
		if failed != nil {
			g.report(failed)
		}
	}
}

// call notifies the observer on the caller's goroutine, where that is the application's own or runs its handler.
func (g *guardedObserver) call(e Event) {
	defer func() {
		if v := recover(); v != nil {
			g.report(newPanicError(v))
		}
	}()
	g.observer.Observe(e)
}

// report notifies the observer that an event was lost to its own failure. What it does with that is its affair.
func (g *guardedObserver) report(failed *PanicError) {
	const every = int64(time.Minute)
	now := monotonic()
	if last := g.reported.Load(); last != 0 && now-last < every || !g.reported.CompareAndSwap(last, now) {
		return
	}
	e := Event{Type: EventWarning, Time: g.now(), Err: fmt.Errorf("queue: the observer lost an event: %w", failed)}
	_ = isolate(func() { g.observer.Observe(e) })
}

func (w *Worker) observe(e Event) {
	e.Time = w.cfg.Now()
	w.observer.observe(1, func(int) Event { return e })
}

func (s *subscription) observe(e Event) {
	e.Queue = s.queue.Name
	s.w.observe(e)
}

func (s *subscription) reportError(doing string, err error) {
	s.observe(Event{Type: EventRedisError, Err: fmt.Errorf("queue: %s: %s: %w", s.queue.Name, doing, err)})
}
