package cache

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	beginScript = redisx.LoadScript(luaFiles, "begin")
	storeScript = redisx.LoadScript(luaFiles, "store")
	tagScript   = redisx.LoadScript(luaFiles, "tag")
	doomScript  = redisx.LoadScript(luaFiles, "doom")
)
