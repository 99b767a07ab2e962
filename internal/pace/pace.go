// Package pace keeps each of many callers to a rate, in memory: some of a caller's requests may come early, later ones
// wait, and those that would wait for long are refused (GCRA, the generic cell rate algorithm).
package pace

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// ErrTooFast refuses a request that would have to wait for longer than [Pace.Most].
var ErrTooFast = errors.New("too many requests")

// Pace is that of each caller. Its fields are not changed once it is used.
type Pace struct {
	Every time.Duration // between a caller's requests, on average; 0 for no pace
	Ahead int           // requests that may come early
	Most  time.Duration // that one waits

	mu    sync.Mutex
	due   map[string]time.Time // when a caller's next one is due, if it is not yet
	sweep time.Time            // when those that are due are next removed
}

// Wait waits until the caller's request is due, if that is soon: otherwise it returns [ErrTooFast] at once, and the
// request does not count.
func (p *Pace) Wait(ctx context.Context, caller string) error {
	late := p.late(caller, time.Now())
	switch {
	case late <= 0:
		return nil
	case late > p.Most:
		return ErrTooFast
	}
	due := time.NewTimer(late)
	defer due.Stop()
	select {
	case <-due.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Charge has something that a caller was given count as so many requests more, but refuses no later one for it.
func (p *Pace) Charge(caller string, requests int64) {
	if p.Every == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, most := time.Now(), p.early()+p.Most
	due := p.next(caller, now).Add(time.Duration(min(requests, int64(most/p.Every)+1)) * p.Every)
	if latest := now.Add(most); due.After(latest) {
		due = latest
	}
	p.due[caller] = due
}

// late is how long a request is to wait.
func (p *Pace) late(caller string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.next(caller, now)
	late := due.Sub(now) - p.early()
	if late <= p.Most {
		p.due[caller] = due.Add(p.Every)
	}
	return late
}

// next is when a caller's next request is due. The mutex is held.
func (p *Pace) next(caller string, now time.Time) time.Time {
	if p.due == nil {
		p.due = map[string]time.Time{}
	}
	if now.After(p.sweep) {
		maps.DeleteFunc(p.due, func(_ string, due time.Time) bool { return !due.After(now) })
		p.sweep = now.Add(time.Second)
	}
	if due, ok := p.due[caller]; ok && due.After(now) {
		return due
	}
	return now
}

func (p *Pace) early() time.Duration { return time.Duration(p.Ahead) * p.Every }
