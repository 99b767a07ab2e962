package cache

import (
	"context"
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
	loaders sync.WaitGroup // also those that were given up
	failed  map[string]failure
}

// flight is one load. The mutex of flights guards waiters; done is closed after raw and err are set.
type flight struct {
	done    chan struct{}
	work    context.Context // ends after the timeout: nobody waits longer, whatever the load does
	cancel  context.CancelFunc
	waiters int
	raw     []byte
	err     error
}

type loadFunc func(context.Context) ([]byte, error)

func newFlights() *flights {
	return &flights{running: map[string]*flight{}, all: map[*flight]struct{}{}, failed: map[string]failure{}}
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
	case <-joined.work.Done():
		select {
		case <-joined.done:
		default:
			f.forget(name, joined)
			return nil, lateError(joined.work)
		}
	case <-ctx.Done():
		f.leave(name, joined)
		return nil, context.Cause(ctx)
	}
	return joined.raw, joined.err
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
	if joined := f.running[name]; joined != nil && joined.work.Err() == nil {
		joined.waiters++
		return joined, false, nil
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	begun := &flight{done: make(chan struct{}), work: work, cancel: cancel, waiters: 1}
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
	close(ended.done)
	ended.cancel()
	f.drop(name, ended)
	delete(f.all, ended)
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

// forget lets those that come from now on begin a load of their own, if it is this one that they would join.
func (f *flights) forget(name string, forgotten *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(name, forgotten)
}

// invalidate does so whatever is running, and whatever error is kept.
func (f *flights) invalidate(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, name)
	delete(f.failed, name)
}

func (f *flights) drop(name string, dropped *flight) {
	if f.running[name] == dropped {
		delete(f.running, name)
	}
}

// close cancels all loads and waits for them. Loaders that ignore that are waited for no longer than patience.
func (f *flights) close(patience time.Duration) {
	f.mu.Lock()
	f.closed = true
	for running := range f.all {
		running.cancel()
	}
	f.mu.Unlock()
	f.group.Wait()
	ended := make(chan struct{})
	go func() {
		f.loaders.Wait()
		close(ended)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}
