package lockmgr

import (
	"context"
	_ "embed"
	"fmt"
	"time"
)

// wishLease is how long the wish of a waiting writer keeps readers out after it was last renewed, which is each time
// the writer looks.
const wishLease = time.Second

//go:embed lua/permit_acquire.lua
var permitAcquireSource string

//go:embed lua/permit_renew.lua
var permitRenewSource string

//go:embed lua/permit_release.lua
var permitReleaseSource string

var (
	permitAcquireScript = newScript(permitAcquireSource)
	permitRenewScript   = newScript(permitRenewSource)
	permitReleaseScript = newScript(permitReleaseSource)
)

// Semaphore lets a number of holders in at a time, over the whole fleet. Each has a lease of its own.
// It is safe for concurrent use.
type Semaphore struct {
	manager *Manager
	name    string
	permits int
	opts    []Option
}

// Semaphore returns the semaphore of that name, with a number of permits above 0 that all its users must agree on.
// [TTL] applies to each permit. Bad arguments are [ErrInvalid] when a permit is asked for.
func (m *Manager) Semaphore(name string, permits int, opts ...Option) *Semaphore {
	return &Semaphore{manager: m, name: name, permits: permits, opts: opts}
}

// Acquire waits for a permit as [Manager.Acquire] does for a lock.
func (s *Semaphore) Acquire(ctx context.Context) (*Lock, error) {
	permit, form, err := s.newPermit()
	if err != nil {
		return nil, err
	}
	return s.manager.hub.await(ctx, permit, form)
}

// TryAcquire takes a permit, or returns [ErrNotAcquired] at once if all are held.
func (s *Semaphore) TryAcquire(ctx context.Context) (*Lock, error) {
	permit, _, err := s.newPermit()
	if err != nil {
		return nil, err
	}
	return permit.try(ctx)
}

func (s *Semaphore) newPermit() (*Lock, form, error) {
	if s.permits < 1 {
		return nil, form{}, fmt.Errorf("lockmgr: semaphore %s: %w: %d permits", quote(s.name), ErrInvalid, s.permits)
	}
	return s.manager.newPermit(semaphorePrefix, s.name, s.permits, wishLease, s.opts)
}

// allPermits stands for as many as there are.
const allPermits = 0

// newPermit prepares one of a number of permits, or all of them, under which nobody else gets in. Who wants all and
// must wait wishes for that long.
func (m *Manager) newPermit(prefix, name string, permits int, wish time.Duration, opts []Option) (*Lock, form, error) {
	lock, o, err := newLock(&m.leases, name, opts)
	if err == nil && o.fair {
		err = fmt.Errorf("lockmgr: %s: %w: only plain locks can be Fair", quote(prefix+name), ErrInvalid)
	}
	if err != nil {
		return nil, form{}, err
	}
	if permits == allPermits {
		lock.owner = "!" + lock.owner
	}
	f := m.hub.permitForm(prefix+name, permits, wish)
	lock.seat = f
	return lock, f, nil
}

func (h *hub) permitForm(key string, permits int, wish time.Duration) form {
	return form{
		hub:     h,
		acquire: permitAcquireScript, extend: permitRenewScript, free: permitReleaseScript,
		acquireKeys: []string{key, companion(key, "fence"), companion(key, "wish")},
		releaseKeys: []string{key},
		args:        []any{permits, wish.Milliseconds()},
		channel:     companion(key, "free"),
	}
}
