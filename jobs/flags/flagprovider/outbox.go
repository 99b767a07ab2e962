package flagprovider

import (
	"maps"
	"slices"
	"sync"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/navvy-go/navvy/jobs/flags"
)

// outbox is the events that the SDK has not taken yet. Nobody may ever take them, so they are kept by what they come
// to: the flags that have changed since, and the last status.
type outbox struct {
	events chan<- of.Event
	wake   chan struct{}
	ended  chan struct{}
	sender sync.WaitGroup

	mu      sync.Mutex
	changed map[string]struct{}
	status  *of.Event

	stale bool // the SDK is to know so; the watcher's goroutine alone looks at it
}

func newOutbox(events chan<- of.Event) *outbox {
	b := &outbox{
		events: events, wake: make(chan struct{}, 1), ended: make(chan struct{}), changed: map[string]struct{}{},
	}
	b.sender.Go(b.send)
	return b
}

func (b *outbox) close() {
	close(b.ended)
	b.sender.Wait()
}

func (b *outbox) flagsChanged(names []string) {
	b.mu.Lock()
	for _, name := range names {
		b.changed[name] = struct{}{}
	}
	b.mu.Unlock()
	b.poke()
}

func (b *outbox) statusChanged(status flags.Status) {
	kind, details := of.ProviderReady, of.ProviderEventDetails{Message: "all flags are read"}
	switch {
	case status.Stale && status.Ready:
		b.stale = true
		kind, details.Message = of.ProviderStale, "Redis is away, the last known values hold"
		if status.Err != nil {
			details.Message += ": " + status.Err.Error()
		}
	case !status.Stale && b.stale: // the SDK itself says so after the first time
		b.stale = false
	default:
		return
	}
	b.mu.Lock()
	b.status = event(kind, details)
	b.mu.Unlock()
	b.poke()
}

func event(kind of.EventType, details of.ProviderEventDetails) *of.Event {
	return &of.Event{ProviderName: name, EventType: kind, ProviderEventDetails: details}
}

func (b *outbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// send passes events on, as soon as they are taken.
func (b *outbox) send() {
	for {
		for next := b.next(); next != nil; next = b.next() {
			select {
			case b.events <- *next:
			case <-b.ended:
				return
			}
		}
		select {
		case <-b.wake:
		case <-b.ended:
			return
		}
	}
}

// next takes the next event out, or returns nil if there is none.
func (b *outbox) next() *of.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if next := b.status; next != nil {
		b.status = nil
		return next
	}
	if len(b.changed) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(b.changed))
	clear(b.changed)
	return event(of.ProviderConfigChange, of.ProviderEventDetails{Message: "flags changed", FlagChanges: names})
}
