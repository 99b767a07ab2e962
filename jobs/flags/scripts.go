package flags

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	changeScript = redisx.LoadScript(luaFiles, "change")
	usersScript  = redisx.LoadScript(luaFiles, "users")
)
