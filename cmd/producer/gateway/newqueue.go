package gateway

import (
	"net/http"
	"sync"
	"time"
)

// How many queues one caller may begin: whatever goes through all queues takes longer with each.
const (
	newQueues       = 100
	newQueuesWindow = 24 * time.Hour
)

// knownMost is how many queues are remembered that exist.
const knownMost = 10_000

// knownQueues are queues that exist. The zero value is ready.
type knownQueues struct {
	mu    sync.Mutex
	names map[string]struct{}
}

func (k *knownQueues) has(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.names[name]
	return ok
}

func (k *knownQueues) add(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.names) >= knownMost || k.names == nil {
		k.names = map[string]struct{}{}
	}
	k.names[name] = struct{}{}
}

// mayBegin refuses a queue that no program has used before to a caller that has begun many. Where Redis does not
// answer, nothing is enqueued anyway, and that is what the answer says.
func (g *Gateway) mayBegin(r *http.Request) error {
	name := r.PathValue("queue")
	if g.known.has(name) {
		return nil
	}
	switch exists, err := g.inspector.Exists(r.Context(), name); {
	case err != nil:
		return nil
	case !exists:
		got, err := g.begun.Peek(r.Context(), g.beginKey(r))
		if err != nil {
			return unavailable.because("Ask again in a moment.")
		}
		if got.Remaining < 1 {
			refusal := rateLimited.because("One caller begins %d queues in %s at the most.", newQueues,
				newQueuesWindow)
			refusal.RetryAfter = wholeSeconds(got.RetryAfter)
			return refusal
		}
		return nil
	}
	g.known.add(name)
	return nil
}

// noteBegun counts a queue that a job was put on, if it was not known to exist.
func (g *Gateway) noteBegun(r *http.Request) {
	if name := r.PathValue("queue"); name != "" && !g.known.has(name) {
		_, _ = g.begun.Allow(r.Context(), g.beginKey(r)) // the job is enqueued
		g.known.add(name)
	}
}

func (g *Gateway) beginKey(r *http.Request) string { return "gateway:queues:" + g.owner(g.callerOf(r)) }
