package quorum

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

//go:embed lua/hold.lua
var luaFiles embed.FS

var holdScript = redisx.LoadScript(luaFiles, "hold")

// errBusy says that a server has not answered an earlier request for the same lock.
var errBusy = errors.New("no answer yet")

// backend keeps one lock in most of several servers: a [lease.Backend]. It is used by one goroutine at a time: first
// that which acquires the lock, then that which renews it, then, when that has ended, those that release it, one by
// one.
type backend struct {
	requests *requests
	key      string
	members  []*member
	token    uint64 // 0 until the lock is taken
}

// member is one server's part of a lock. Requests for it go one after the other, so that none is overtaken by the
// release that follows. (A server that hung may still carry out one that the client has given up, and keep its part for
// a TTL.)
type member struct {
	rdb      redis.UniversalClient
	mu       sync.Mutex // held during each request
	released bool       // guarded by mu; by us: a release that is tried anew would find nothing
}

func newBackend(m *Manager, key string) *backend {
	b := &backend{requests: &m.requests, key: key}
	for _, rdb := range m.clients {
		b.members = append(b.members, &member{rdb: rdb})
	}
	return b
}

func (b *backend) majority() int { return len(b.members)/2 + 1 }

// Acquire asks for the lock and for a token, and then has most servers confirm the token. What it got and cannot use,
// it gives back.
func (b *backend) Acquire(ctx context.Context, owner string, ttl time.Duration) (uint64, time.Duration, error) {
	token, err := b.propose(ctx, owner, ttl)
	if err == nil && token > 0 {
		b.token = token
		return token, 0, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), roundTimeout(ttl))
	defer cancel()
	_, backErr := b.free(ctx, owner)
	if err != nil {
		err = errors.Join(err, backErr)
	}
	return 0, 0, err
}

// propose returns the token that most servers have granted and confirmed, or 0 if they have not.
func (b *backend) propose(ctx context.Context, owner string, ttl time.Duration) (uint64, error) {
	granted, err := b.hold(ctx, owner, ttl, 0)
	if err != nil || granted.yes < b.majority() {
		return 0, err
	}
	confirmed, err := b.hold(ctx, owner, ttl, granted.token)
	if err != nil || confirmed.yes < b.majority() {
		return 0, err
	}
	return granted.token, nil
}

func (b *backend) Renew(ctx context.Context, owner string, ttl time.Duration) (bool, error) {
	v, err := b.hold(ctx, owner, ttl, b.token)
	return v.yes >= b.majority(), err
}

// hold asks all servers for the lock; most have answered if there is no error.
func (b *backend) hold(ctx context.Context, owner string, ttl time.Duration, token uint64) (votes, error) {
	keys := []string{b.key, redisx.Companion(b.key, "fence")}
	ctx, cancel := context.WithTimeout(ctx, roundTimeout(ttl))
	defer cancel()
	return b.ask(ctx, func(ctx context.Context, m *member) (uint64, error) {
		if !m.mu.TryLock() {
			return 0, errBusy
		}
		defer m.mu.Unlock()
		m.released = false
		return holdScript.Run(ctx, m.rdb, keys, owner, ttl.Milliseconds(), token).Uint64()
	})
}

func (b *backend) Release(ctx context.Context, owner string) (bool, error) {
	v, err := b.free(ctx, owner)
	if err == nil && v.yes < b.majority() && v.no < b.majority() {
		err = fmt.Errorf("%d of %d servers had it and %d did not", v.yes, len(b.members), v.no)
	}
	return v.yes >= b.majority(), err
}

// free releases the lock at all servers, and wakes the waiters that a [lockmgr.Manager] has there.
func (b *backend) free(ctx context.Context, owner string) (votes, error) {
	keys := []string{b.key, redisx.Companion(b.key, "queue")}
	return b.ask(ctx, func(ctx context.Context, m *member) (uint64, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.released {
			return 1, nil
		}
		released, err := lease.ReleaseScript.Run(ctx, m.rdb, keys, owner, redisx.Companion(b.key, "free"), "PUBLISH").Uint64()
		m.released = released == 1
		return released, err
	})
}

// roundTimeout is how long one round of requests may take, of which a lock needs two: short against the TTL, long
// against a round trip.
func roundTimeout(ttl time.Duration) time.Duration {
	return min(max(ttl/5, 50*time.Millisecond), time.Second)
}
