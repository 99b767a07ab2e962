package lease

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/release.lua
var releaseSource string

// ReleaseScript releases a lock on one server, for a lock in one Redis as for a part of a quorum's.
var ReleaseScript = redis.NewScript(releaseSource)
