package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// mostStrong is how many strong suspects a worker holds at the most: a crash separates some of them, and the others
// wait for no slot. Prime suspects begin one at a time, so that a crash soon after is blamed on few.
//
// Why: docs/decisions/engine.md#suspects-are-separated-by-running-ever-fewer-at-once
const mostStrong = 4

// holdSuspect counts a suspect that the worker holds from now on.
func (w *Worker) holdSuspect(t *task) {
	switch {
	case t.isStrong():
		w.strong.Add(1)
	case t.isPrime():
		w.primes.Add(1)
		w.fresh.Add(1)
	}
}

// letGoOfSuspect ends what holdSuspect began: another may be taken.
func (ses *session) letGoOfSuspect(t *task) {
	switch {
	case t.isStrong():
		ses.w.strong.Add(-1)
	case t.isPrime():
		ses.primes.remove(t.entry)
		t.letOthersBegin()
		ses.w.primes.Add(-1)
	default:
		return
	}
	ses.signalParked()
}

// letOthersBegin makes room for another prime suspect beside this one.
func (t *task) letOthersBegin() {
	if t.settledIn.CompareAndSwap(false, true) {
		t.ses.w.fresh.Add(-1)
		t.ses.signalParked()
	}
}

// runningPrimes is which prime suspects of a session run: a crash is to their blame alone.
type runningPrimes struct {
	mu      sync.Mutex
	entries []wire.EntryRef
}

// add returns all that run with another one.
func (p *runningPrimes) add(entry wire.EntryRef) []wire.EntryRef {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries = append(p.entries, entry)
	return slices.Clone(p.entries)
}

func (p *runningPrimes) remove(entry wire.EntryRef) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries = slices.DeleteFunc(p.entries, func(other wire.EntryRef) bool { return other == entry })
}

// noteBegun notes which suspects among the jobs begin now, so that a crash is blamed on those that ran. Others cost
// nothing.
//
// Why: docs/decisions/engine.md#only-what-ran-is-to-blame-for-a-crash
func (ses *session) noteBegun(tasks ...*task) {
	var primes, suspects []wire.EntryRef
	for _, t := range tasks {
		if t.isPrime() {
			primes = ses.primes.add(t.entry)
		}
		if t.isPrime() && !t.isLastChance() {
			time.AfterFunc(alonePatience, t.letOthersBegin)
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
	failures, err := wire.Begin(ctx, ses.w.rdb, &ses.queue, ses.consumer, primes, suspects)
	switch {
	case errors.Is(err, wire.ErrLost):
		ses.lose()
	case err != nil:
		ses.reportError("note what begins", err)
	}
	ses.reportBookkeeping("note what begins", failures)
}
