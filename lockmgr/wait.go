package lockmgr

import (
	"context"
	mathrand "math/rand/v2"
	"time"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// A waiter that is not woken looks again after a pause between half of this and all of it, at random, so that waiters
// do not come in step. The fair ones are many at once, and must look several times in a [waiterLease].
const (
	pollPause     = 200 * time.Millisecond
	fairPollPause = time.Second
)

// await takes the lock as soon as it is free. Of the waiters in one process only the first contends in Redis, and the
// others wait behind it, except in a fair queue, in which each has its own place.
func (m *Manager) await(ctx context.Context, lock *Lock, backend scriptBackend) (*Lock, error) {
	lock.core.Backend = backend
	channel := m.notifier.join(backend.channel)
	defer m.notifier.leave(channel)
	if !backend.fair {
		end, err := m.local.Turn(ctx, &lock.core, backend.channel)
		if err != nil {
			return nil, err
		}
		defer end()
	}
	w := m.notifier.addWaiter(channel, lock.core.Owner, backend.fair)
	defer m.notifier.removeWaiter(channel, w)
	if err := m.local.Contend(ctx, &lock.core, lease.Contention{
		Wake:  w.wake,
		Pause: func(wait time.Duration) time.Duration { return pauseFor(wait, backend.fair) },
		// The confirmation of the subscription wakes the waiter, which then looks again: no release between its first
		// attempt and the subscription goes unnoticed.
		Refused: func() { m.notifier.subscribe(channel) },
	}); err != nil {
		return nil, err
	}
	return lock, nil
}

// pauseFor is how long a waiter pauses of which the lock may change after a wait; 0 or less is unknown.
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
