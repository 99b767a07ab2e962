package queue

import (
	"context"
	"errors"
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

// mostStrong is how many strong suspects a worker holds at the most: a crash separates some of them, and the others
// wait for no slot. Of prime suspects it holds one, so that a crash is blamed on that alone.
//
// Why: docs/decisions/engine.md#suspects-are-separated-by-running-ever-fewer-at-once
const mostStrong = 4

// countSuspect counts a suspect that the worker holds, or holds no longer.
func (w *Worker) countSuspect(t *task, n int64) {
	if t.isStrong() {
		w.strong.Add(n)
	}
	if t.isPrime() {
		w.primes.Add(n)
	}
}

// noteBegun notes which suspects among the jobs begin now, so that a crash is blamed on those that ran. Others cost
// nothing.
//
// Why: docs/decisions/engine.md#only-what-ran-is-to-blame-for-a-crash
func (ses *session) noteBegun(tasks ...*task) {
	var prime wire.EntryRef
	var suspects []wire.EntryRef
	for _, t := range tasks {
		if t.isPrime() {
			prime = t.entry
		}
		if t.suspicion != wire.NotSuspect {
			suspects = append(suspects, t.entry)
		}
	}
	if len(suspects) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ses.ctx), ses.replyTimeout())
	defer cancel()
	failures, err := wire.Begin(ctx, ses.w.rdb, &ses.queue, ses.consumer, prime, suspects)
	switch {
	case errors.Is(err, wire.ErrLost):
		ses.lose()
	case err != nil:
		ses.reportError("note what begins", err)
	}
	ses.reportBookkeeping("note what begins", failures)
}

// absolve takes a session that was taken for dead out of the notes of crashes: its process lives.
func (ses *session) absolve(ctx context.Context) {
	failures, err := wire.Absolve(ctx, ses.w.rdb, &ses.queue, ses.consumer)
	if err != nil {
		ses.reportError("take back a crash", err)
	}
	ses.reportBookkeeping("take back a crash", failures)
}
