package queue

import (
	"context"
	"strings"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// crashedWorkers names the workers that died with the job, as far as it is known.
//
// Why: docs/decisions/engine.md#crashes-are-counted-by-the-names-of-the-workers-that-died
func (t *task) crashedWorkers() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ses.ctx), t.ses.w.cfg.Lease)
	defer cancel()
	names, err := t.ses.w.rdb.HGet(ctx, t.ses.queue.Crashed(), t.entry.ID).Result()
	if err != nil {
		return "their names are lost"
	}
	return strings.Join(wire.CrashedWorkers(names), ", ")
}

// isLastChance reports whether the job is dead if it takes this worker with it too.
func (t *task) isLastChance() bool {
	return t.suspicion == wire.LastChance && t.crashes < t.ses.w.cfg.MaxCrashes
}

// isPrime reports whether the job was running in three workers that died, or is one crash away from dead.
func (t *task) isPrime() bool {
	return t.suspicion >= wire.PrimeSuspect && t.crashes < t.ses.w.cfg.MaxCrashes
}

// isStrong reports whether the job was running in two workers that died.
func (t *task) isStrong() bool {
	return t.suspicion == wire.StrongSuspect && t.crashes < t.ses.w.cfg.MaxCrashes
}

// absolve takes a session that was taken for dead out of the notes of crashes: its process lives.
func (ses *session) absolve(ctx context.Context) {
	failures, err := wire.Absolve(ctx, ses.w.rdb, &ses.queue, ses.consumer)
	if err != nil {
		ses.reportError("take back a crash", err)
	}
	ses.reportBookkeeping("take back a crash", failures)
}
