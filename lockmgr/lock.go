package lockmgr

import (
	"context"
	_ "embed"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// releaseLimit bounds a release: nobody waits for long to let go of what ends by itself.
const releaseLimit = 2 * time.Second

//go:embed lua/release.lua
var releaseSource string

var releaseScript = redis.NewScript(releaseSource)

// Lock is a lock that this process took. It is safe for concurrent use.
type Lock struct {
	rdb   redis.UniversalClient
	name  string
	token string
	ttl   time.Duration

	mu       sync.Mutex
	released bool
	outcome  error // of the release that reached Redis
}

// Name is what the lock was taken under.
func (l *Lock) Name() string { return l.name }

// Release sets the lock free for others if it is still the holder's own, or returns [ErrLost]. It may be called again:
// the answer stays the same, and a release that did not reach Redis is tried anew. It works with a context that has
// already ended, so that it can be deferred: it gives up after 2 s of its own, or at the client's read timeout if that
// is later. Where the connection broke during the release, ErrLost may also mean that Redis had carried it out.
func (l *Lock) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return l.outcome
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	deleted, err := releaseScript.Run(ctx, l.rdb, []string{l.key()}, l.token).Bool()
	if err != nil {
		return fmt.Errorf("lockmgr: release %q: %w", l.name, err)
	}
	if !deleted {
		l.outcome = fmt.Errorf("lockmgr: release %q: %w", l.name, ErrLost)
	}
	l.released = true
	return l.outcome
}

// take tries once to take the lock.
func (l *Lock) take(ctx context.Context) error {
	taken, err := acquireScript.Run(ctx, l.rdb, []string{l.key()}, l.token, l.ttl.Milliseconds()).Bool()
	if err != nil {
		return fmt.Errorf("lockmgr: acquire %q: %w", l.name, err)
	}
	if !taken {
		return fmt.Errorf("lockmgr: acquire %q: %w", l.name, ErrNotAcquired)
	}
	return nil
}

func (l *Lock) key() string { return keyPrefix + l.name }
