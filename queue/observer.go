package queue

import "fmt"

// Observer is notified of what happens. Observe is called on hot paths, from many goroutines at once: it must be quick
// and must not block.
type Observer interface {
	Observe(Event)
}

// ObserverFunc makes a function an [Observer].
type ObserverFunc func(Event)

// Observe calls f.
func (f ObserverFunc) Observe(e Event) { f(e) }

// Observers notifies several observers, in order.
type Observers []Observer

// Observe notifies each of them.
func (o Observers) Observe(e Event) {
	for _, each := range o {
		each.Observe(e)
	}
}

func (w *Worker) observe(e Event) {
	if w.cfg.Observer == nil {
		return
	}
	e.Time = w.cfg.Now()
	w.cfg.Observer.Observe(e)
}

func (s *subscription) observe(e Event) {
	e.Queue = s.queue.Name
	s.w.observe(e)
}

func (s *subscription) reportError(doing string, err error) {
	s.observe(Event{Type: EventRedisError, Err: fmt.Errorf("queue: %s: %s: %w", s.queue.Name, doing, err)})
}
