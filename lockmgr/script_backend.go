package lockmgr

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

// scriptBackend keeps one lock, semaphore or readers-writer lock in one Redis, by scripts: a [lease.Backend]. It is
// only read once it is made.
type scriptBackend struct {
	rdb                     redis.UniversalClient
	notifier                *notifier
	acquire, renew, release *redisx.Script
	acquireKeys             []string // the first is the lock itself, and all that a renewal needs
	releaseKeys             []string
	args                    []any // of acquire, beyond the holder and the TTL
	channel                 string
	fair                    bool
	leave                   *redisx.Script // for a waiter that gives up; nil if there is nothing to do
	leaveKeys               []string
}

func (m *Manager) lockBackend(name string) scriptBackend {
	key := lockPrefix + name
	return scriptBackend{
		rdb: m.rdb, notifier: m.notifier,
		acquire: acquireScript, renew: renewScript, release: lease.ReleaseScript,
		acquireKeys: []string{key, redisx.Companion(key, "fence")},
		releaseKeys: []string{key, redisx.Companion(key, "queue")},
		channel:     redisx.Companion(key, "free"),
	}
}

func (b scriptBackend) Acquire(ctx context.Context, owner string, ttl time.Duration) (uint64, time.Duration, error) {
	args := append([]any{owner, ttl.Milliseconds()}, b.args...)
	reply, err := b.acquire.Run(ctx, b.rdb, b.acquireKeys, args...).Int64Slice()
	if err != nil {
		return 0, 0, err
	}
	if len(reply) != 2 {
		return 0, 0, errors.New("unexpected reply")
	}
	return uint64(reply[0]), time.Duration(reply[1]) * time.Millisecond, nil
}

func (b scriptBackend) Renew(ctx context.Context, owner string, ttl time.Duration) (bool, error) {
	return b.renew.Run(ctx, b.rdb, b.acquireKeys[:1], owner, ttl.Milliseconds()).Bool()
}

func (b scriptBackend) Release(ctx context.Context, owner string) (bool, error) {
	return b.release.Run(ctx, b.rdb, b.releaseKeys, owner, b.channel, b.notifier.publishCommand(ctx)).Bool()
}
