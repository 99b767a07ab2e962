package ratelimit

import (
	"embed"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// replicateEffects makes Redis before 7.0 accept a write after the time was asked for. Later servers always work so.
const replicateEffects = "if redis.replicate_commands then redis.replicate_commands() end\n"

// form is how one algorithm is kept in Redis.
type form struct {
	prefix string // of its key
	script *redis.Script
}

var forms = map[Algorithm]form{
	SlidingLog:     {"rate_limit:", loadScript("log")},
	SlidingCounter: {"sliding:", loadScript("counter")},
	FixedWindow:    {"fw:", loadScript("fixed")},
	GCRA:           {"gcra:", loadScript("gcra")},
}

func loadScript(name string) *redis.Script {
	return redis.NewScript(replicateEffects + source(name))
}

func source(name string) string {
	text, _ := luaFiles.ReadFile("lua/" + name + ".lua") // embedded; a test runs each
	return string(text)
}
