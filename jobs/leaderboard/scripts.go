package leaderboard

import (
	"embed"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	applyScript    = loadScript("apply")
	standingScript = loadScript("standing")
	pageScript     = loadScript("page")
	closeScript    = loadScript("close")
)

func loadScript(name string) *redis.Script {
	text, _ := luaFiles.ReadFile("lua/" + name + ".lua") // embedded; a test runs each
	return redis.NewScript(string(text))
}
