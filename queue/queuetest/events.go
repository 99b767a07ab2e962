package queuetest

import (
	"sync"

	"github.com/navvy-go/navvy/queue"
)

// Events is what a worker did, in the order in which it was observed.
type Events []queue.Event

// Job returns the events of one job.
func (e Events) Job(id string) Events {
	return e.filter(func(event *queue.Event) bool { return event.Job == id })
}

// Of returns the events of one type.
func (e Events) Of(t queue.EventType) Events {
	return e.filter(func(event *queue.Event) bool { return event.Type == t })
}

// Types lists the types of the events.
func (e Events) Types() []queue.EventType {
	types := make([]queue.EventType, len(e))
	for i := range e {
		types[i] = e[i].Type
	}
	return types
}

func (e Events) filter(keep func(*queue.Event) bool) (kept Events) {
	for i := range e {
		if keep(&e[i]) {
			kept = append(kept, e[i])
		}
	}
	return kept
}

// running lists the jobs whose last event is that they started.
func (e Events) running() (ids []string) {
	last := map[string]queue.EventType{}
	for i := range e {
		if e[i].Job != "" {
			last[e[i].Job] = e[i].Type
		}
	}
	for _, event := range e.Of(queue.EventStarted) {
		if last[event.Job] == queue.EventStarted {
			ids = append(ids, event.Job+" ("+event.Kind+")")
			delete(last, event.Job)
		}
	}
	return ids
}

// recorder is an observer that keeps the events.
type recorder struct {
	mu     sync.Mutex
	events Events
}

func (r *recorder) Observe(e queue.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) all() Events {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(Events(nil), r.events...)
}
