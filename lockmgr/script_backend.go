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
	rdb                               redis.UniversalClient
	notifier                          *notifier
	acquire, renew, release, withdraw *redisx.Script
	key                               string   // of the lock itself
	acquireKeys                       []string // all but the mark of an attempt that was withdrawn, which comes last
	releaseKeys                       []string
	withdrawKeys                      []string // all but the mark
	args                              []any    // of acquire, beyond the holder and the TTL
	channel                           string
	fair                              bool
	traces                            bool // an attempt that is refused leaves something
}

func (m *Manager) lockBackend(name string) scriptBackend {
	key := lockPrefix + name
	queue, waiters := redisx.Companion(key, "queue"), redisx.Companion(key, "waiters")
	return scriptBackend{
		rdb: m.rdb, notifier: m.notifier, key: key,
		acquire: acquireScript, renew: renewScript, release: lease.ReleaseScript, withdraw: lease.WithdrawScript,
		acquireKeys:  []string{key, redisx.Companion(key, "fence")},
		releaseKeys:  []string{key, queue},
		withdrawKeys: []string{key, queue, waiters},
		channel:      redisx.Companion(key, "free"),
	}
}

func (b scriptBackend) Acquire(ctx context.Context, owner string, ttl time.Duration) (uint64, time.Duration, error) {
	args := append([]any{owner, ttl.Milliseconds()}, b.args...)
	reply, err := b.acquire.Run(ctx, b.rdb, b.withMark(b.acquireKeys, owner), args...).Int64Slice()
	if err != nil {
		return 0, 0, err
	}
	if len(reply) != 2 {
		return 0, 0, errors.New("unexpected reply")
	}
	return uint64(reply[0]), time.Duration(reply[1]) * time.Millisecond, nil
}

// withMark adds the mark that refuses an attempt of the owner which was withdrawn before it arrived.
func (b scriptBackend) withMark(keys []string, owner string) []string {
	return append(keys[:len(keys):len(keys)], lease.MarkKey(b.key, owner))
}

func (b scriptBackend) Renew(ctx context.Context, owner string, ttl time.Duration) (bool, error) {
	return b.renew.Run(ctx, b.rdb, []string{b.key}, owner, ttl.Milliseconds()).Bool()
}

func (b scriptBackend) Release(ctx context.Context, owner string) (bool, error) {
	return b.release.Run(ctx, b.rdb, b.releaseKeys, owner, b.channel, b.notifier.publishCommand(ctx)).Bool()
}

func (b scriptBackend) Withdraw(ctx context.Context, owner string, unknown bool) error {
	if !unknown && !b.traces {
		return nil
	}
	args := []any{owner, b.channel, b.notifier.publishCommand(ctx), lease.MarkTTL(unknown)}
	return b.withdraw.Run(ctx, b.rdb, b.withMark(b.withdrawKeys, owner), args...).Err()
}
