package lease

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts that end a lock on one server, for a lock in one Redis as for a part of a quorum's.
var (
	ReleaseScript  = redisx.LoadScript(luaFiles, "release")
	WithdrawScript = redisx.LoadScript(luaFiles, "withdraw")
)

// MarkKey is the key of the mark that refuses an attempt of the owner which was withdrawn before it arrived.
func MarkKey(key, owner string) string { return redisx.Companion(key, "withdrawn:"+owner) }

// MarkTTL is how long the mark is kept in milliseconds: 0, for none, if the outcome of every attempt is known.
func MarkTTL(unknown bool) int64 {
	if !unknown {
		return 0
	}
	return WithdrawnFor.Milliseconds()
}
