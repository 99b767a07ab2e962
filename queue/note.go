package queue

import (
	"context"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

const (
	// noteEvery is how often a client notes a queue that it uses, in case the registry was lost with Redis' data.
	noteEvery = time.Minute

	// notePatience is how long a call that has put its job in Redis waits for the registry, which is on another server of
	// a cluster: what has not answered by then is noted in the background.
	notePatience = 100 * time.Millisecond
)

// noter notes the queues that a client uses in the registry: one command at a time, for all queues that wait.
//
// Why: docs/decisions/engine.md#bookkeeping-cannot-stop-work
type noter struct {
	registry wire.Registry
	timeout  time.Duration
	ctx      context.Context // of every note
	cancel   context.CancelFunc

	mu      sync.Mutex // guards the two below
	next    *note      // waits for the one under way; nil: none
	running bool       // set by add and run
}

// note is the queues that are noted together.
type note struct {
	queues []string
	ended  chan struct{} // closed when they were noted, or could not be
}

func newNoter(registry wire.Registry, timeout time.Duration) *noter {
	n := &noter{registry: registry, timeout: timeout}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// add has a queue noted. Notes are made in their order: when one has ended, so have those before it.
func (n *noter) add(queue string) *note {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = &note{ended: make(chan struct{})}
	}
	n.next.queues = append(n.next.queues, queue)
	if !n.running {
		n.running = true
		go n.run()
	}
	return n.next
}

func (n *noter) run() {
	for next := n.take(); next != nil; next = n.take() {
		ctx, cancel := context.WithTimeout(n.ctx, n.timeout)
		n.registry.AddQueues(ctx, next.queues)
		cancel()
		close(next.ended)
	}
}

func (n *noter) take() *note {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := n.next
	n.next, n.running = nil, next != nil
	return next
}

// wait waits for a note, if there is one, and not for long.
func (n *note) wait(ctx context.Context) {
	if n == nil {
		return
	}
	timer := time.NewTimer(notePatience)
	defer timer.Stop()
	select {
	case <-n.ended:
	case <-ctx.Done():
	case <-timer.C:
	}
}
