package leaderboard

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	applyScript    = redisx.LoadScript(luaFiles, "apply")
	standingScript = redisx.LoadScript(luaFiles, "standing")
	pageScript     = redisx.LoadScript(luaFiles, "page")
	closeScript    = redisx.LoadScript(luaFiles, "close")
)
