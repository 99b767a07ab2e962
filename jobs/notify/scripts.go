package notify

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	sendScript  = redisx.LoadScript(luaFiles, "send")
	sinceScript = redisx.LoadScript(luaFiles, "since")
)
