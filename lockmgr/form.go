package lockmgr

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// form is how one sort of lock is kept in one Redis: a [seat].
type form struct {
	hub                   *hub
	acquire, extend, free *redis.Script
	acquireKeys           []string // the first is the lock itself, and all that a renewal needs
	releaseKeys           []string
	args                  []any // of acquire, beyond the holder and the TTL
	channel               string
	fair                  bool
	leave                 *redis.Script // of a waiter that gives up; nil if there is nothing to do
	leaveKeys             []string
}

//go:embed lua/acquire.lua
var acquireSource string

//go:embed lua/renew.lua
var renewSource string

//go:embed lua/release.lua
var releaseSource string

var (
	acquireScript = newScript(acquireSource)
	renewScript   = newScript(renewSource)
	releaseScript = newScript(releaseSource)
)

// newScript makes Redis before 7.0 accept a write after the time was asked for, however it is set up. Later servers
// always do.
func newScript(source string) *redis.Script {
	return redis.NewScript("if redis.replicate_commands then redis.replicate_commands() end\n" + source)
}

func (h *hub) lockForm(name string) form {
	key := lockPrefix + name
	return form{
		hub:     h,
		acquire: acquireScript, extend: renewScript, free: releaseScript,
		acquireKeys: []string{key, companion(key, "fence")},
		releaseKeys: []string{key, companion(key, "queue")},
		channel:     companion(key, "free"),
	}
}

func (f form) take(ctx context.Context, owner string, ttl time.Duration) (uint64, time.Duration, error) {
	args := append([]any{owner, ttl.Milliseconds()}, f.args...)
	reply, err := f.acquire.Run(ctx, f.hub.rdb, f.acquireKeys, args...).Int64Slice()
	if err == nil && len(reply) != 2 {
		err = errors.New("unexpected reply")
	}
	if err != nil {
		return 0, 0, err
	}
	return uint64(reply[0]), time.Duration(reply[1]) * time.Millisecond, nil
}

func (f form) renew(ctx context.Context, owner string, ttl time.Duration) (bool, error) {
	return f.extend.Run(ctx, f.hub.rdb, f.acquireKeys[:1], owner, ttl.Milliseconds()).Bool()
}

func (f form) release(ctx context.Context, owner string) (bool, error) {
	return f.free.Run(ctx, f.hub.rdb, f.releaseKeys, owner, f.channel, f.hub.publish(ctx)).Bool()
}
