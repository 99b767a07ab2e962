package lease

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/release.lua
var luaFiles embed.FS

// ReleaseScript releases a lock on one server, for a lock in one Redis as for a part of a quorum's.
var ReleaseScript = redisx.LoadScript(luaFiles, "release")
