package lockmgr

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

var (
	acquireScript        = redisx.LoadScript(luaFiles, "acquire")
	renewScript          = redisx.LoadScript(luaFiles, "renew")
	fairAcquireScript    = redisx.LoadScript(luaFiles, "fair_acquire")
	permitAcquireScript  = redisx.LoadScript(luaFiles, "permit_acquire")
	permitRenewScript    = redisx.LoadScript(luaFiles, "permit_renew")
	permitReleaseScript  = redisx.LoadScript(luaFiles, "permit_release")
	permitWithdrawScript = redisx.LoadScript(luaFiles, "permit_withdraw")
	onceBeginScript      = redisx.LoadScript(luaFiles, "once_begin")
	onceRenewScript      = redisx.LoadScript(luaFiles, "once_renew")
	onceFinishScript     = redisx.LoadScript(luaFiles, "once_finish")
	onceWithdrawScript   = redisx.LoadScript(luaFiles, "once_withdraw")
)
