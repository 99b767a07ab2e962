package main

import (
	"context"
	"sync"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	lockHeld  = 20 * time.Millisecond
	lockEvery = 50 * time.Millisecond
)

// locks has some holders take turns with one lock, and notes when two hold it at once.
type locks struct {
	mu    sync.Mutex
	taken int
	held  int
	twice []int64 // when a second one got it
}

// run takes the lock and releases it again and again.
func (l *locks) run(ctx context.Context, manager *lockmgr.Manager, name string) {
	for pause.For(ctx, lockEvery) {
		lock, err := manager.TryAcquire(ctx, name)
		if err != nil {
			continue
		}
		l.mu.Lock()
		l.taken++
		if l.held++; l.held > 1 {
			l.twice = append(l.twice, now())
		}
		l.mu.Unlock()
		held, cancel := context.WithTimeout(lock.Context(), lockHeld)
		<-held.Done()
		cancel()
		l.mu.Lock()
		l.held--
		l.mu.Unlock()
		_ = lock.Release(ctx)
	}
}

// judge finds whether two held the lock at once while Redis lost nothing and its clock did not step.
func (l *locks) judge(a *aside, j *judge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.Locks, a.LocksTwice = l.taken, len(l.twice)
	if l.taken == 0 {
		a.problem("nothing is shown: no lock was taken")
	}
	for _, at := range l.twice {
		if i := j.at(at); i >= 0 && j.loses("", at) < 0 && !j.steps[i].clock {
			a.problem("two held a lock at once in step %s", j.steps[i].name)
		}
	}
}
