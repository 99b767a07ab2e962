package cache

import (
	"context"
	"sync"
)

// turns lets one request of this process after a page, and the others wait for it.
type turns struct {
	mu      sync.Mutex
	running map[string]chan struct{}
}

// enter returns a function that ends the turn, or nil after another's turn has ended.
func (t *turns) enter(ctx context.Context, key string) (func(), error) {
	leave, ended := t.try(key)
	if leave != nil {
		return leave, nil
	}
	select {
	case <-ended:
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// try returns a function that ends the turn, or a channel that is closed when another's turn has ended.
func (t *turns) try(key string) (func(), <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ended, busy := t.running[key]; busy {
		return nil, ended
	}
	ended := make(chan struct{})
	t.running[key] = ended
	return func() {
		t.mu.Lock()
		delete(t.running, key)
		t.mu.Unlock()
		close(ended)
	}, nil
}
