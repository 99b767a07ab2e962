package lockmgr

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"
)

// A waiter that nobody wakes looks again after a pause between half of this and all of it, at random, so that waiters
// do not come in step. The fair ones are many at once, and must look several times in a [waiterLease].
const (
	pollPause     = 200 * time.Millisecond
	fairPollPause = time.Second
)

// await takes the lock as soon as it is free. Of the waiters in one process only the first talks to Redis, and the
// others wait behind it, except in a fair queue, in which each has its own place.
func (h *hub) await(ctx context.Context, lock *Lock, form form) (*Lock, error) {
	room := h.enter(form.channel)
	defer h.leave(room)
	if !form.fair {
		if err := h.takeTurn(ctx, room, lock); err != nil {
			return nil, err
		}
		defer room.endTurn()
	}
	waiter := h.wait(room, lock.owner, form.fair)
	defer h.unwait(room, waiter)
	pause := func(wait time.Duration) time.Duration { return pauseFor(wait, form.fair) }
	err := h.contend(ctx, lock, waiter, pause, func() { h.subscribe(room) })
	if err == nil {
		return lock, nil
	}
	if form.leave != nil {
		err = errors.Join(err, form.quit(ctx, lock))
	}
	return nil, err
}

// takeTurn waits until no other waiter of this process talks to Redis.
func (h *hub) takeTurn(ctx context.Context, room *room, lock *Lock) error {
	select {
	case room.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return gaveUp(ctx, lock)
	case <-h.closing:
		return fmt.Errorf("lockmgr: wait for %q: %w", lock.name, ErrClosed)
	}
}

func (r *room) endTurn() { <-r.turn }

// contend tries until the lock is taken or there is a reason to stop. It tries at once, and again once it is certain
// that a release will be heard: the confirmation of the subscription wakes it.
func (h *hub) contend(ctx context.Context, lock *Lock, waiter *waiter, pause func(time.Duration) time.Duration, listen func()) error {
	for {
		wait, err := lock.take(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return gaveUp(ctx, lock)
		case !errors.Is(err, ErrNotAcquired):
			return err
		}
		listen()
		timer := time.NewTimer(pause(wait))
		select {
		case <-waiter.wake:
		case <-timer.C:
		case <-ctx.Done():
		case <-h.closing:
			timer.Stop()
			return fmt.Errorf("lockmgr: wait for %q: %w", lock.name, ErrClosed)
		}
		timer.Stop()
		if ctx.Err() != nil {
			return gaveUp(ctx, lock)
		}
	}
}

func pauseFor(wait time.Duration, fair bool) time.Duration {
	limit := pollPause
	if fair {
		limit = fairPollPause
	}
	pause := limit/2 + mathrand.N(limit/2)
	if wait > 0 && wait < pause {
		return wait + time.Millisecond
	}
	return pause
}

// quit leaves the fair queue, so that those behind need not wait for this one to be thought dead.
func (f form) quit(ctx context.Context, lock *Lock) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	err := f.leave.Run(ctx, f.hub.rdb, f.leaveKeys, lock.owner, f.channel, f.hub.publish(ctx)).Err()
	if err != nil {
		return fmt.Errorf("lockmgr: leave the queue of %q: %w", lock.name, err)
	}
	return nil
}

func gaveUp(ctx context.Context, lock *Lock) error {
	return fmt.Errorf("lockmgr: wait for %q: %w: %w", lock.name, ErrNotAcquired, context.Cause(ctx))
}
