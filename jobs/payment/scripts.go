package payment

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	createScript = redisx.LoadScript(luaFiles, "create")
	moveScript   = redisx.LoadScript(luaFiles, "move")
)
