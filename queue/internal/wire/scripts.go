package wire

import (
	"context"
	"embed"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts, one for each step of a job's or a worker's life. Each begins with what it takes and what it replies, and
// has one function of this package that calls it.
var (
	scriptEnqueue       = load("enqueue")
	scriptDelayed       = load("enqueue_delayed")
	scriptAck           = load("ack", 3)
	scriptAckChecked    = load("ack_checked", 3)
	scriptAckRetain     = load("ack_retain", 2)
	scriptKeepChecked   = load("ack_retain_checked", 2)
	scriptRetry         = load("retry", 4, 5, 6)
	scriptRetryChecked  = load("retry_checked", 4, 5, 6)
	scriptBury          = load("bury", 4)
	scriptBuryUnread    = load("bury_unread", 4)
	scriptStart         = load("start", 3)
	scriptExpire        = load("expire", 4)
	scriptHandback      = load("handback")
	scriptClaim         = load("claim", 3, 4)
	scriptAdopt         = load("adopt", 2, 3)
	scriptBegin         = load("begin", 2)
	scriptAbsolve       = load("absolve", 2)
	scriptWeigh         = load("weigh")
	scriptEnsureGroup   = load("ensure_group")
	scriptJoin          = load("join")
	scriptHeartbeat     = load("heartbeat", 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	scriptExtend        = load("extend")
	scriptLeave         = load("leave")
	scriptPromote       = load("promote", 3, 7)
	scriptDrawNear      = load("draw_near", 2)
	scriptReclaim       = load("reclaim", 4)
	scriptShortenLease  = load("shorten_lease")
	scriptSweep         = load("sweep")
	scriptLeftovers     = load("sweep_leftovers")
	scriptRequeue       = load("requeue")
	scriptDelete        = load("delete")
	scriptReschedule    = load("reschedule")
	scriptRunNow        = load("run_now")
	scriptEdit          = load("edit")
	scriptCancel        = load("cancel")
	scriptReleaseOrphan = load("release_orphan")
	scriptExpireCancels = load("expire_cancels")
	scriptCommand       = load("command")
	scriptCheckVersion  = load("check_version")
	scriptProgress      = load("progress")
	scriptSweepIDs      = load("sweep_ids", 9, 10)
	scriptExpireEnded   = load("expire_ended")
	scriptForget        = load("forget")
	scriptCronDue       = load("cron_due", 4)
	scriptCronTick      = load("cron_tick", 9)
	scriptCronSet       = load("cron_set")
	scriptCronRun       = load("cron_run")
)

// script is a script that can do without some of its keys: those of bookkeeping, by their numbers.
type script struct {
	*redisx.Script
	spared []int
}

func load(name string, spared ...int) *script {
	return &script{Script: redisx.LoadScript(luaFiles, name), spared: spared}
}

// Run runs the script. Redis refuses all of it if its user has no right to one of its keys; nothing has happened then,
// and it runs again without bookkeeping: the prelude's functions leave out a key that is given as the first.
func (s *script) Run(ctx context.Context, rdb redis.Scripter, keys []string, args ...any) *redis.Cmd {
	cmd, _ := s.run(ctx, rdb, keys, args...)
	return cmd
}

// run is Run, and returns also why bookkeeping was left out; nil if it was not.
func (s *script) run(
	ctx context.Context, rdb redis.Scripter, keys []string, args ...any,
) (cmd *redis.Cmd, denied error) {
	cmd = s.Script.Run(ctx, rdb, keys, args...)
	if len(s.spared) == 0 || !redis.HasErrorPrefix(cmd.Err(), "NOPERM") {
		return cmd, nil
	}
	allowed := slices.Clone(keys)
	for _, n := range s.spared {
		allowed[n-1] = keys[0]
	}
	return s.Script.Run(ctx, rdb, allowed, args...), cmd.Err()
}

// failures lists which bookkeeping failed, as a reply has it, and what was left out.
func failures(reply any, denied error) []string {
	found := texts(reply)
	if denied != nil {
		found = append(found, denied.Error())
	}
	return found
}

// ErrProtocol says that a reply was not of the form that Redis or a script documents.
var ErrProtocol = errors.New("reply not understood")

// ErrLost says that a worker's registration is gone: it has lost its lease.
var ErrLost = errors.New("the worker's registration is gone")

// ErrNotHeld says that an entry is not the worker's any more.
var ErrNotHeld = errors.New("the worker does not hold the entry")

// Verdict is what a script says about a job that it was to move.
type Verdict int

// The verdicts.
const (
	VerdictHeld     Verdict = -1 // the worker that holds it lives
	VerdictNotFound Verdict = 0  // it is not there any more, or not the caller's
	VerdictDone     Verdict = 1
	VerdictOther    Verdict = 2 // see the script

	noVerdict Verdict = -2 // which no script replies
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
