package session

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	replaceScript = redisx.LoadScript(luaFiles, "replace")
	removeScript  = redisx.LoadScript(luaFiles, "remove")
)
