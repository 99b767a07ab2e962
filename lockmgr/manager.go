package lockmgr

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Errors a caller can act on. They come wrapped, so find them with errors.Is.
var (
	// ErrNotAcquired says that another holds the lock.
	ErrNotAcquired = errors.New("lock is held by another")

	// ErrLost says that a lock was no longer the holder's own when it was released: its TTL had ended, and another may
	// have held it since.
	ErrLost = errors.New("lock was lost before its release")
)

// A waiter looks again after a pause between these two, at random, so that waiters do not come in step.
const (
	pollMin = 20 * time.Millisecond
	pollMax = 60 * time.Millisecond
)

const (
	keyPrefix  = "lock:"
	tokenBytes = 16
)

//go:embed lua/acquire.lua
var acquireSource string

var acquireScript = redis.NewScript(acquireSource)

// Manager takes locks in one Redis. It is safe for concurrent use and needs no closing.
type Manager struct {
	rdb redis.UniversalClient
}

// New returns a manager of the locks in rdb. The client remains the caller's to close.
func New(rdb redis.UniversalClient) *Manager { return &Manager{rdb: rdb} }

// TryAcquire takes the lock of that name, or returns [ErrNotAcquired] at once if another holds it.
// After any other error the lock may be taken until its TTL ends.
func (m *Manager) TryAcquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	if err := lock.take(ctx); err != nil {
		return nil, err
	}
	return lock, nil
}

// Acquire waits for the lock of that name until ctx ends, which is [ErrNotAcquired] and the context's cause.
// It looks every 20 to 60 ms. After any other error the lock may be taken until its TTL ends.
func (m *Manager) Acquire(ctx context.Context, name string, opts ...Option) (*Lock, error) {
	lock, err := m.newLock(name, opts)
	if err != nil {
		return nil, err
	}
	for {
		err := lock.take(ctx)
		switch {
		case err == nil:
			return lock, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("lockmgr: wait for %q: %w: %w", name, ErrNotAcquired, context.Cause(ctx))
		case !errors.Is(err, ErrNotAcquired):
			return nil, err
		}
		pause(ctx, pollMin+mathrand.N(pollMax-pollMin))
	}
}

func (m *Manager) newLock(name string, opts []Option) (*Lock, error) {
	o, err := newOptions(opts)
	if name == "" {
		err = errors.Join(errors.New("name must not be empty"), err)
	}
	if err != nil {
		return nil, fmt.Errorf("lockmgr: lock %q: %w", name, err)
	}
	return &Lock{rdb: m.rdb, name: name, token: newToken(), ttl: o.ttl}, nil
}

// newToken returns 128 random bits. crypto/rand never fails: it ends the process instead.
func newToken() string {
	var token [tokenBytes]byte
	_, _ = rand.Read(token[:])
	return hex.EncodeToString(token[:])
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
