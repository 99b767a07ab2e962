package ratelimit

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// form is how one algorithm is kept in Redis.
type form struct {
	prefix string // of its key
	script *redisx.Script
}

var forms = map[Algorithm]form{
	SlidingLog:     {"rate_limit:", redisx.LoadScript(luaFiles, "log")},
	SlidingCounter: {"sliding:", redisx.LoadScript(luaFiles, "counter")},
	FixedWindow:    {"fw:", redisx.LoadScript(luaFiles, "fixed")},
	GCRA:           {"gcra:", redisx.LoadScript(luaFiles, "gcra")},
}
