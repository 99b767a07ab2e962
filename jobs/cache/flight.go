package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// flights runs at most one load of each key in this process, on a goroutine of its own, so that each of those who wait
// for it may give up without the others' noticing.
type flights struct {
	mu      sync.Mutex
	closed  bool
	running map[string]*flight
	all     map[*flight]struct{} // running, and forgotten but not over
	group   sync.WaitGroup
}

// flight is one load. The mutex of flights guards waiters; done is closed after raw and err are set.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	raw     []byte
	err     error
}

type loadFunc func(context.Context) ([]byte, error)

func newFlights() *flights {
	return &flights{running: map[string]*flight{}, all: map[*flight]struct{}{}}
}

// do joins the load of that name, or begins it, and waits for its end or for that of ctx. The load has the values of
// ctx, and is cancelled when nobody waits for it any more.
func (f *flights) do(ctx context.Context, name string, timeout time.Duration, load loadFunc) ([]byte, error) {
	joined, _, err := f.join(ctx, name, timeout, load)
	if err != nil {
		return nil, err
	}
	select {
	case <-joined.done:
		return joined.raw, joined.err
	case <-ctx.Done():
		f.leave(name, joined)
		return nil, context.Cause(ctx)
	}
}

// behind begins the load of that name unless it is running, and waits for nobody.
func (f *flights) behind(ctx context.Context, name string, timeout time.Duration, load loadFunc) {
	if joined, began, err := f.join(ctx, name, timeout, load); err == nil && !began {
		f.leave(name, joined)
	}
}

func (f *flights) join(ctx context.Context, name string, timeout time.Duration, load loadFunc) (*flight, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, ErrClosed
	}
	if joined := f.running[name]; joined != nil {
		joined.waiters++
		return joined, false, nil
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	begun := &flight{done: make(chan struct{}), cancel: cancel, waiters: 1}
	f.running[name], f.all[begun] = begun, struct{}{}
	f.group.Go(func() {
		begun.raw, begun.err = load(work)
		f.end(name, begun)
	})
	return begun, true, nil
}

func (f *flights) end(name string, ended *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ended.cancel()
	f.drop(name, ended)
	delete(f.all, ended)
	close(ended.done)
}

// leave cancels the load with its last waiter. Who comes later begins another.
func (f *flights) leave(name string, left *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	left.waiters--
	if left.waiters == 0 {
		left.cancel()
		f.drop(name, left)
	}
}

// forget lets whoever comes from now on begin a load of their own.
func (f *flights) forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, name)
}

func (f *flights) drop(name string, dropped *flight) {
	if f.running[name] == dropped {
		delete(f.running, name)
	}
}

func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	for running := range f.all {
		running.cancel()
	}
	f.mu.Unlock()
	f.group.Wait()
}

// guarded makes a panic an error: it would end the process from a goroutine that the caller cannot protect.
func guarded(load loadFunc) loadFunc {
	return func(ctx context.Context) (raw []byte, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the loader panicked: %v\n%s", p, debug.Stack())
			}
		}()
		return load(ctx)
	}
}
