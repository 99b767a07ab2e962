package analytics

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	countScript = redisx.LoadScript(luaFiles, "count")
	nameScript  = redisx.LoadScript(luaFiles, "name")
	raiseScript = redisx.LoadScript(luaFiles, "raise")
)
