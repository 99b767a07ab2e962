package wire

import (
	"embed"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts, one for each step of a job's or a worker's life. Each begins with what it takes and what it replies, and
// has one function of this package that calls it.
var (
	scriptEnqueue       = load("enqueue")
	scriptAck           = load("ack")
	scriptAckRetain     = load("ack_retain")
	scriptRetry         = load("retry")
	scriptBury          = load("bury")
	scriptHandback      = load("handback")
	scriptClaim         = load("claim")
	scriptAdopt         = load("adopt")
	scriptJoin          = load("join")
	scriptHeartbeat     = load("heartbeat")
	scriptLeave         = load("leave")
	scriptPromote       = load("promote")
	scriptReclaim       = load("reclaim")
	scriptClampLeases   = load("clamp_leases")
	scriptSweep         = load("sweep")
	scriptRequeue       = load("requeue")
	scriptDelete        = load("delete")
	scriptReschedule    = load("reschedule")
	scriptCancel        = load("cancel")
	scriptReleaseOrphan = load("release_orphan")
	scriptExpireCancels = load("expire_cancels")
	scriptCommand       = load("command")
	scriptCheckVersion  = load("check_version")
	scriptProgress      = load("progress")
	scriptSweepIDs      = load("sweep_ids")
	scriptExpireEnded   = load("expire_ended")
)

func load(name string) *redisx.Script { return redisx.LoadScript(luaFiles, name) }

// ErrProtocol says that a reply was not of the form that Redis or a script documents.
var ErrProtocol = errors.New("reply not understood")

// ErrLost says that a worker's registration is gone: it has lost its lease.
var ErrLost = errors.New("the worker's registration is gone")

// Verdict is what a script says about a job that it was to move.
type Verdict int

// The verdicts.
const (
	VerdictHeld     Verdict = -1 // the worker that holds it lives
	VerdictNotFound Verdict = 0  // it is not there any more, or not the caller's
	VerdictDone     Verdict = 1
	VerdictOther    Verdict = 2 // see the script
)

// VerdictCmd is the reply of a script that may be in a pipeline: it is read once the pipeline was sent.
type VerdictCmd struct{ cmd *redis.Cmd }

// Result returns the verdict.
func (c VerdictCmd) Result() (Verdict, error) {
	n, err := c.cmd.Int()
	return Verdict(n), err
}

func texts(cell any) []string {
	items, _ := cell.([]any)
	found := make([]string, 0, len(items))
	for _, item := range items {
		if text, ok := item.(string); ok {
			found = append(found, text)
		}
	}
	return found
}
