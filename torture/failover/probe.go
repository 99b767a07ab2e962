package main

import (
	"context"
	"sync"
	"time"

	"github.com/navvy-go/navvy/torture/internal/pace"
)

const (
	probeEvery = 100 * time.Millisecond
	probeWaits = 500 * time.Millisecond
)

// probe asks again and again which server is the master, apart from all clients that are judged, and has it take a
// write. While none does, as when the Sentinels promote twice and replicas are away, no client can do anything.
type probe struct {
	ask func(context.Context) (master string, err error) // nil: that is not asked

	mu      sync.Mutex
	away    []span  // no master took a write
	changes []int64 // when another one was found
}

func (p *probe) run(ctx context.Context) {
	if p.ask == nil {
		return
	}
	known, took := "", now()
	for pace.Pause(ctx, probeEvery) {
		asking, cancel := context.WithTimeout(ctx, probeWaits)
		master, err := p.ask(asking)
		cancel()
		if err != nil {
			continue
		}
		at := now()
		p.mu.Lock()
		if at-took > int64(probeWaits+2*probeEvery) {
			p.away = append(p.away, span{took, at})
		}
		if master != known && known != "" {
			p.changes = append(p.changes, at)
		}
		p.mu.Unlock()
		known, took = master, at
	}
}

// without is how long a time is but for that in which no master took a write.
func (p *probe) without(from, to int64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	long := to - from
	for _, away := range p.away {
		long -= max(min(away.to, to)-max(away.from, from), 0)
	}
	return time.Duration(long)
}

// widen makes the losses of a step reach over all changes of the master in it, after the first: the Sentinels may
// promote once more than they were asked to.
func (p *probe) widen(s *step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := true
	for _, at := range p.changes {
		if at < s.begin || at > s.end || s.loss.to == 0 {
			continue
		}
		if !first {
			s.loss.to = max(s.loss.to, at+int64(silenceBound))
		}
		first = false
	}
}
