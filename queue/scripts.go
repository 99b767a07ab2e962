package queue

import (
	"embed"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts, one per step of a job's or a worker's life. Each begins with what it takes and what it replies.
var (
	scriptEnqueue       = loadScript("enqueue")
	scriptAck           = loadScript("ack")
	scriptAckRetain     = loadScript("ack_retain")
	scriptRetry         = loadScript("retry")
	scriptBury          = loadScript("bury")
	scriptHandback      = loadScript("handback")
	scriptClaim         = loadScript("claim")
	scriptAdopt         = loadScript("adopt")
	scriptJoin          = loadScript("join")
	scriptHeartbeat     = loadScript("heartbeat")
	scriptLeave         = loadScript("leave")
	scriptPromote       = loadScript("promote")
	scriptReclaim       = loadScript("reclaim")
	scriptClampLeases   = loadScript("clamp_leases")
	scriptSweep         = loadScript("sweep")
	scriptRequeue       = loadScript("requeue")
	scriptDelete        = loadScript("delete")
	scriptReschedule    = loadScript("reschedule")
	scriptCancel        = loadScript("cancel")
	scriptReleaseOrphan = loadScript("release_orphan")
	scriptExpireCancels = loadScript("expire_cancels")
	scriptCommand       = loadScript("command")
)

// replicateEffects makes Redis before 7.0 accept a write after the time or a generated ID was asked for. Later servers
// always work so.
const replicateEffects = "if redis.replicate_commands then redis.replicate_commands() end\n"

// script is a script with its text, for callers that send it in a pipeline.
type script struct {
	*redis.Script
	text string
}

// loadScript reads a script and drops its comments: Redis keeps a script's text, and a NOSCRIPT sends it whole.
func loadScript(name string) script {
	text, _ := luaFiles.ReadFile("lua/" + name + ".lua") // embedded; a test runs each
	var code strings.Builder
	code.WriteString(replicateEffects)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			code.WriteString(line)
		}
	}
	return script{Script: redis.NewScript(code.String()), text: code.String()}
}
