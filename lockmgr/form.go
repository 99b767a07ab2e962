package lockmgr

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// form is how one sort of lock is kept in Redis.
type form struct {
	acquire, renew, release *redis.Script
	acquireKeys             []string // the first is the lock itself, and all that a renewal needs
	releaseKeys             []string
	args                    []any // of acquire, beyond the holder and the TTL
	channel                 string
	leave                   *redis.Script // of a waiter that gives up; nil if there is nothing to do
	leaveKeys               []string
}

//go:embed lua/acquire.lua
var acquireSource string

//go:embed lua/renew.lua
var renewSource string

//go:embed lua/release.lua
var releaseSource string

var (
	acquireScript = redis.NewScript(acquireSource)
	renewScript   = redis.NewScript(renewSource)
	releaseScript = redis.NewScript(releaseSource)
)

func lockForm(name string) form {
	key := lockPrefix + name
	return form{
		acquire: acquireScript, renew: renewScript, release: releaseScript,
		acquireKeys: []string{key, companion(key, "fence")},
		releaseKeys: []string{key, companion(key, "queue")},
		channel:     companion(key, "free"),
	}
}
