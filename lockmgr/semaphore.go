package lockmgr

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// intentTTL is how long the intent of a waiting writer keeps readers out after it was last renewed, which is each time
// the writer looks.
const intentTTL = time.Second

// Semaphore lets a number of holders in at a time, over the whole fleet. Each has a lease of its own.
// It is safe for concurrent use.
type Semaphore struct {
	manager *Manager
	name    string
	permits int
	opts    []Option
}

// Semaphore returns the semaphore of that name, with a number of permits above 0 that all its users must agree on.
// [TTL] applies to each permit. Bad arguments, and [Fair] is one, are [ErrInvalid] when a permit is asked for.
func (m *Manager) Semaphore(name string, permits int, opts ...Option) *Semaphore {
	return &Semaphore{manager: m, name: name, permits: permits, opts: opts}
}

// Acquire waits for a permit as [Manager.Acquire] does for a lock, with the same errors.
func (s *Semaphore) Acquire(ctx context.Context) (*Lock, error) {
	permit, backend, err := s.newPermit()
	if err != nil {
		return nil, err
	}
	return s.manager.await(ctx, permit, backend)
}

// TryAcquire takes a permit, or returns [ErrNotAcquired] at once if all are held. Its other errors are those of
// [Manager.TryAcquire].
func (s *Semaphore) TryAcquire(ctx context.Context) (*Lock, error) {
	permit, _, err := s.newPermit()
	if err != nil {
		return nil, err
	}
	return permit.try(ctx)
}

func (s *Semaphore) newPermit() (*Lock, scriptBackend, error) {
	if s.permits < 1 {
		err := fmt.Errorf("lockmgr: semaphore %s: %w: %d permits", lease.Quote(s.name), ErrInvalid, s.permits)
		return nil, scriptBackend{}, err
	}
	return s.manager.newPermit(semaphorePrefix, s.name, s.permits, intentTTL, s.opts)
}

// allPermits stands for as many as there are.
const allPermits = 0

// newPermit prepares one of a number of permits, or all of them, under which no other holder gets in. A caller that
// wants all and must wait leaves an intent that lasts that long, 0 for none.
func (m *Manager) newPermit(
	prefix, name string, permits int, intent time.Duration, opts []Option,
) (*Lock, scriptBackend, error) {
	lock, o, err := m.newLock(name, opts)
	if err == nil && o.fair {
		err = fmt.Errorf("lockmgr: %s: %w: only plain locks can be Fair", lease.Quote(prefix+name), ErrInvalid)
	}
	if err != nil {
		return nil, scriptBackend{}, err
	}
	if permits == allPermits {
		lock.core.Owner = "!" + lock.core.Owner
	}
	backend := m.permitBackend(prefix+name, permits, intent)
	lock.core.Backend = backend
	return lock, backend, nil
}

func (m *Manager) permitBackend(key string, permits int, intent time.Duration) scriptBackend {
	return scriptBackend{
		rdb: m.rdb, notifier: m.notifier, key: key,
		acquire: permitAcquireScript, renew: permitRenewScript,
		release: permitReleaseScript, withdraw: permitWithdrawScript,
		acquireKeys:  []string{key, redisx.Companion(key, "fence"), redisx.Companion(key, "wish")},
		releaseKeys:  []string{key},
		withdrawKeys: []string{key, redisx.Companion(key, "wish")},
		args:         []any{permits, intent.Milliseconds(), intentTTL.Milliseconds()},
		channel:      redisx.Companion(key, "free"),
		traces:       permits == allPermits && intent > 0,
	}
}
