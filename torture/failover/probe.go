package main

import (
	"context"
	"sync"
	"time"

	"github.com/navvy-go/navvy/torture/internal/pause"
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
	for pause.For(ctx, probeEvery) {
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

// promotes is how long a promotion may take from its beginning: what the old master takes until it is over is lost.
const promotes = 2 * time.Second

// widen makes the losses of a step reach over all changes of the master that it does not ask for: on a loaded machine
// the Sentinels promote once more, or at any time.
func (p *probe) widen(s *step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := s.loss.to != 0
	for _, at := range p.changes {
		if at < s.begin || at > s.end {
			continue
		}
		if !asked {
			s.widen(at-int64(promotes), at+int64(silenceBound))
		}
		asked = false
	}
}

func (s *step) widen(from, to int64) {
	if s.loss.to == 0 {
		s.loss = span{from, to}
		return
	}
	s.loss.from, s.loss.to = min(s.loss.from, from), max(s.loss.to, to)
}
