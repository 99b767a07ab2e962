package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// LocalQueue is the waiters of one process. Of those that wait for one lock only the first contends for it in Redis.
type LocalQueue struct {
	closing   chan struct{} // closed by Close
	closeOnce sync.Once

	mu    sync.Mutex
	turns map[string]*turn // guarded by mu; by the key of the lock
}

// turn is the right to contend for one lock.
type turn struct {
	taken chan struct{} // holds one value while a waiter contends
	refs  int           // waiters that have the turn or wait for it; guarded by the queue's mutex
}

// NewLocalQueue returns an empty queue.
func NewLocalQueue() *LocalQueue {
	return &LocalQueue{closing: make(chan struct{}), turns: map[string]*turn{}}
}

// Close ends every wait with [ErrClosed], also those that begin later.
func (q *LocalQueue) Close() { q.closeOnce.Do(func() { close(q.closing) }) }

// Turn waits until no other waiter of this process contends for the lock under that key. The function it returns lets
// the next one go on.
func (q *LocalQueue) Turn(ctx context.Context, lock *Lock, key string) (end func(), err error) {
	t := q.join(key)
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; q.leave(key, t) }, nil
	case <-ctx.Done():
		err = gaveUp(ctx, lock)
	case <-q.closing:
		err = closed(lock)
	}
	q.leave(key, t)
	return nil, err
}

func (q *LocalQueue) join(key string) *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.turns[key]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1)}
		q.turns[key] = t
	}
	t.refs++
	return t
}

func (q *LocalQueue) leave(key string, t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.refs--; t.refs == 0 {
		delete(q.turns, key)
	}
}

// Contention is how a waiter waits between two attempts.
type Contention struct {
	Wake    <-chan struct{} // ends the wait early; may be nil
	Pause   func(wait time.Duration) time.Duration
	Refused func() // called after each attempt that failed; may be nil
}

// Contend tries until the lock is taken or there is a reason to stop: ctx ends, which is [ErrNotAcquired] and the
// context's cause, the queue is closed, or an attempt fails for another reason than that the lock is held. A waiter
// that stops leaves nothing in Redis.
func (q *LocalQueue) Contend(ctx context.Context, lock *Lock, c Contention) error {
	for {
		wait, err := lock.attempt(ctx, lock.askAsWaiter)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return gaveUp(ctx, lock)
		case !errors.Is(err, ErrNotAcquired):
			return err
		}
		if c.Refused != nil {
			c.Refused()
		}
		if err := q.sleep(ctx, lock, c.Wake, c.Pause(wait)); err != nil {
			lock.leave(ctx)
			return err
		}
	}
}

func (q *LocalQueue) sleep(ctx context.Context, lock *Lock, wake <-chan struct{}, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	case <-q.closing:
		return closed(lock)
	}
	if ctx.Err() != nil {
		return gaveUp(ctx, lock)
	}
	return nil
}

func gaveUp(ctx context.Context, lock *Lock) error {
	return fmt.Errorf("lockmgr: wait for %q: %w: %w", lock.Name, ErrNotAcquired, context.Cause(ctx))
}

func closed(lock *Lock) error { return fmt.Errorf("lockmgr: wait for %q: %w", lock.Name, ErrClosed) }
