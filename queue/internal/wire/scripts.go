package wire

import (
	"embed"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts, one per step of a job's or a worker's life. Each begins with what it takes and what it replies.
var (
	ScriptEnqueue       = redisx.LoadScript(luaFiles, "enqueue")
	ScriptAck           = redisx.LoadScript(luaFiles, "ack")
	ScriptAckRetain     = redisx.LoadScript(luaFiles, "ack_retain")
	ScriptRetry         = redisx.LoadScript(luaFiles, "retry")
	ScriptBury          = redisx.LoadScript(luaFiles, "bury")
	ScriptHandback      = redisx.LoadScript(luaFiles, "handback")
	ScriptClaim         = redisx.LoadScript(luaFiles, "claim")
	ScriptAdopt         = redisx.LoadScript(luaFiles, "adopt")
	ScriptJoin          = redisx.LoadScript(luaFiles, "join")
	ScriptHeartbeat     = redisx.LoadScript(luaFiles, "heartbeat")
	ScriptLeave         = redisx.LoadScript(luaFiles, "leave")
	ScriptPromote       = redisx.LoadScript(luaFiles, "promote")
	ScriptReclaim       = redisx.LoadScript(luaFiles, "reclaim")
	ScriptClampLeases   = redisx.LoadScript(luaFiles, "clamp_leases")
	ScriptSweep         = redisx.LoadScript(luaFiles, "sweep")
	ScriptRequeue       = redisx.LoadScript(luaFiles, "requeue")
	ScriptDelete        = redisx.LoadScript(luaFiles, "delete")
	ScriptReschedule    = redisx.LoadScript(luaFiles, "reschedule")
	ScriptCancel        = redisx.LoadScript(luaFiles, "cancel")
	ScriptReleaseOrphan = redisx.LoadScript(luaFiles, "release_orphan")
	ScriptExpireCancels = redisx.LoadScript(luaFiles, "expire_cancels")
	ScriptCommand       = redisx.LoadScript(luaFiles, "command")
)
