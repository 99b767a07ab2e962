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
	requests   *requests
	background *lease.Background
	key        string
	ttl        time.Duration
	members    []*member
	owner      string // of the last attempt: one that was withdrawn is refused
	token      uint64 // 0 until the lock is taken
}

// member is one server's part of a lock. Requests for it go one after the other, so that none is overtaken by the
// release that follows; a request of which the outcome is unknown is refused by the server should it arrive later.
type member struct {
	rdb      redis.UniversalClient
	mu       sync.Mutex // held during each request
	ended    string     // guarded by mu; the owner that is to have it no more
	released string     // guarded by mu; the owner that gave it back: a release that is tried anew would find nothing
	unknown  bool       // guarded by mu; the outcome of a request is
}

func newBackend(m *Manager, key string, ttl time.Duration) *backend {
	b := &backend{requests: &m.requests, background: &m.background, key: key, ttl: ttl}
	for _, rdb := range m.clients {
		b.members = append(b.members, &member{rdb: rdb})
	}
	return b
}

func (b *backend) majority() int { return len(b.members)/2 + 1 }

// Acquire asks for the lock and for a token, and then has most servers confirm the token. What it got and cannot use,
// it gives back.
func (b *backend) Acquire(ctx context.Context, _ string, ttl time.Duration) (uint64, time.Duration, error) {
	b.owner = lease.NewOwner(ttl)
	token, err := b.propose(ctx, ttl)
	if err == nil && token > 0 {
		b.token = token
		return token, 0, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), roundTimeout(ttl))
	defer cancel()
	_, backErr := b.free(ctx)
	if err != nil {
		err = errors.Join(err, backErr)
	}
	return 0, 0, err
}

// Withdraw has nothing to do: an attempt that fails gives back all that it got.
func (b *backend) Withdraw(context.Context, string, bool) error { return nil }

// propose returns the token that most servers have granted and confirmed, or 0 if they have not.
func (b *backend) propose(ctx context.Context, ttl time.Duration) (uint64, error) {
	granted, err := b.hold(ctx, ttl, 0)
	if err != nil || granted.yes < b.majority() {
		return 0, err
	}
	confirmed, err := b.hold(ctx, ttl, granted.token)
	if err != nil || confirmed.yes < b.majority() {
		return 0, err
	}
	return granted.token, nil
}

func (b *backend) Renew(ctx context.Context, _ string, ttl time.Duration) (bool, error) {
	v, err := b.hold(ctx, ttl, b.token)
	return v.yes >= b.majority(), err
}

// hold asks all servers for the lock; most have answered if there is no error.
func (b *backend) hold(ctx context.Context, ttl time.Duration, token uint64) (votes, error) {
	owner := b.owner
	keys := []string{b.key, redisx.Companion(b.key, "fence"), lease.MarkKey(b.key, owner)}
	ctx, cancel := context.WithTimeout(ctx, roundTimeout(ttl))
	defer cancel()
	return b.ask(ctx, func(ctx context.Context, m *member) (granted uint64, err error) {
		if !m.mu.TryLock() {
			return 0, errBusy
		}
		defer m.mu.Unlock()
		if m.ended == owner { // the release was faster
			return 0, errBusy
		}
		err = lease.Bounded(ctx, func(ctx context.Context) (err error) {
			granted, err = holdScript.Run(ctx, m.rdb, keys, owner, ttl.Milliseconds(), token).Uint64()
			return err
		})
		m.unknown = m.unknown || err != nil
		return granted, err
	})
}

func (b *backend) Release(ctx context.Context, _ string) (bool, error) {
	v, err := b.free(ctx)
	if err == nil && v.yes < b.majority() && v.no < b.majority() {
		err = fmt.Errorf("%d of %d servers had it and %d did not", v.yes, len(b.members), v.no)
	}
	return v.yes >= b.majority(), err
}

// free releases the lock at all servers, and wakes the waiters that a [lockmgr.Manager] has there. A server that does
// not answer is asked again in the background.
func (b *backend) free(ctx context.Context) (votes, error) {
	owner := b.owner
	return b.ask(ctx, func(ctx context.Context, m *member) (uint64, error) {
		released, err := b.freeMember(ctx, m, owner)
		b.background.Repeat(lease.Limit(b.ttl), err, func() error {
			_, err := b.freeMember(ctx, m, owner)
			return err
		})
		return released, err
	})
}

func (b *backend) freeMember(ctx context.Context, m *member, owner string) (released uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = owner
	if m.released == owner {
		return 1, nil
	}
	keys := []string{
		b.key, redisx.Companion(b.key, "queue"), redisx.Companion(b.key, "waiters"), lease.MarkKey(b.key, owner),
	}
	err = lease.Bounded(ctx, func(ctx context.Context) (err error) {
		args := []any{owner, redisx.Companion(b.key, "free"), "PUBLISH", lease.MarkTTL(m.unknown)}
		released, err = lease.WithdrawScript.Run(ctx, m.rdb, keys, args...).Uint64()
		return err
	})
	if released == 1 {
		m.released = owner
	}
	return released, err
}

// roundTimeout is how long one round of requests may take, of which a lock needs two: short against the TTL, long
// against a round trip.
func roundTimeout(ttl time.Duration) time.Duration {
	return min(max(ttl/5, 50*time.Millisecond), time.Second)
}
