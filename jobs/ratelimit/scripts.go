package ratelimit

import (
	"embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// form is how one algorithm is kept in Redis.
type form struct {
	prefix string // of its key
	script *redisx.Script
}

// severalScript has the scripts of all algorithms.
var severalScript = redis.NewScript(severalText())

func severalText() string {
	text := "local moment\nlocal algorithms = {}\n"
	for algorithm := SlidingLog; algorithm <= GCRA; algorithm++ {
		body := strings.ReplaceAll(forms[algorithm].script.Text(), "redis.call('TIME')", "moment")
		text += fmt.Sprintf("algorithms['%d'] = function(KEYS, ARGV)\n%s\nend\n", algorithm, body)
	}
	return text + redisx.LoadScript(luaFiles, "several").Text()
}

var forms = map[Algorithm]form{
	SlidingLog:     {"rate_limit:", redisx.LoadScript(luaFiles, "log")},
	SlidingCounter: {"sliding:", redisx.LoadScript(luaFiles, "counter")},
	FixedWindow:    {"fw:", redisx.LoadScript(luaFiles, "fixed")},
	GCRA:           {"gcra:", redisx.LoadScript(luaFiles, "gcra")},
}
