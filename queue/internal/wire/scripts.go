package wire

import (
	"embed"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts, one per step of a job's or a worker's life. Each begins with what it takes and what it replies.
var (
	ScriptEnqueue       = loadScript("enqueue")
	ScriptAck           = loadScript("ack")
	ScriptAckRetain     = loadScript("ack_retain")
	ScriptRetry         = loadScript("retry")
	ScriptBury          = loadScript("bury")
	ScriptHandback      = loadScript("handback")
	ScriptClaim         = loadScript("claim")
	ScriptAdopt         = loadScript("adopt")
	ScriptJoin          = loadScript("join")
	ScriptHeartbeat     = loadScript("heartbeat")
	ScriptLeave         = loadScript("leave")
	ScriptPromote       = loadScript("promote")
	ScriptReclaim       = loadScript("reclaim")
	ScriptClampLeases   = loadScript("clamp_leases")
	ScriptSweep         = loadScript("sweep")
	ScriptRequeue       = loadScript("requeue")
	ScriptDelete        = loadScript("delete")
	ScriptReschedule    = loadScript("reschedule")
	ScriptCancel        = loadScript("cancel")
	ScriptReleaseOrphan = loadScript("release_orphan")
	ScriptExpireCancels = loadScript("expire_cancels")
	ScriptCommand       = loadScript("command")
)

// replicateEffects makes Redis before 7.0 accept a write after the time or a generated ID was asked for. Later servers
// always work so.
const replicateEffects = "if redis.replicate_commands then redis.replicate_commands() end\n"

// script is a script with its text, for callers that send it in a pipeline.
type Script struct {
	*redis.Script
	Text string
}

// loadScript reads a script and drops its comments: Redis keeps a script's text, and a NOSCRIPT sends it whole.
func loadScript(name string) Script {
	text, _ := luaFiles.ReadFile("lua/" + name + ".lua") // embedded; a test runs each
	var code strings.Builder
	code.WriteString(replicateEffects)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			code.WriteString(line)
		}
	}
	return Script{Script: redis.NewScript(code.String()), Text: code.String()}
}
