package queue

import (
	"context"
	"strings"
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
	return strings.ReplaceAll(names, " ", ", ")
}

// isLastChance reports whether the job is dead if it takes this worker with it too.
func (t *task) isLastChance() bool {
	return t.crashes > 0 && t.crashes == t.ses.w.cfg.MaxCrashes-1
}

// lastChancesFree is how many jobs may be taken that are one crash away from dead: one at a time.
//
// Why: docs/decisions/engine.md#a-job-one-crash-away-from-dead-is-taken-one-at-a-time
func (ses *session) lastChancesFree() int64 { return max(1-ses.lastChances.Load(), 0) }
