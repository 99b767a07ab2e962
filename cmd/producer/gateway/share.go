package gateway

import (
	"cmp"
	"context"
	"net/http"
	"sync"

	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/queue"
)

// shares divides what all callers have together, such as the requests under way, so that one of them cannot take all
// of it.
type shares struct {
	name      string // of what is divided, for a refusal
	all, each int64  // what there is, and what one caller may have of it

	mu    sync.Mutex
	taken int64
	by    map[string]int64
	freed chan struct{} // closed when something is given back; nil while nobody waits
}

func newShares(name string, all, each int64) *shares {
	return &shares{name: name, all: max(all, 1), each: max(each, 1), by: map[string]int64{}}
}

// take gives a caller so much, until it is given back, or returns why not.
func (s *shares) take(who string, n int64) *problem.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.by[who]+n > s.each:
		return rateLimited.because("One caller has %d %s at the most.", s.each, s.name)
	case s.taken+n > s.all:
		return overloaded.because("There are %d %s at the most.", s.all, s.name)
	}
	s.taken += n
	s.by[who] += n
	return nil
}

// await is take for a caller that waits until it has what it asks for, or its request ends.
func (s *shares) await(ctx context.Context, who string, n int64) error {
	for {
		freed := s.whenFreed() // before it is looked for: what is given back in between is not missed
		refusal := s.take(who, n)
		if refusal == nil {
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return refusal
		}
	}
}

func (s *shares) whenFreed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed == nil {
		s.freed = make(chan struct{})
	}
	return s.freed
}

func (s *shares) giveBack(who string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
	s.taken -= n
	if s.by[who] -= n; s.by[who] <= 0 {
		delete(s.by, who)
	}
}

// What one caller may have of all: a quarter. Streams are a quarter of the requests, and a caller's a quarter of those.
const share = 4

// Bytes of bodies that are held in memory at once; each is copied a few times until it is in Redis.
const bodiesHeld = 16 << 20

func (g *Gateway) makeShares() {
	requests, bodies := int64(g.cfg.MaxInFlight), max(bodiesHeld, share*g.cfg.MaxBody)
	g.requests = newShares("requests under way", requests, requests/share)
	g.strangers = newShares("requests under way from callers that are not known", requests/2, requests/share)
	g.lookups = newShares("look-ups under way", lookupsAtOnce, lookupsOfOne)
	g.streams = newShares("streams", requests/share, requests/share/share)
	g.bodies = newShares("bytes of bodies under way", bodies, bodies/share)
}

// callerOf names the caller of a request or, where that is not known, its address.
func (g *Gateway) callerOf(r *http.Request) string {
	return cmp.Or(exchangeOf(r.Context()).caller.Name, "ip:"+g.cfg.ClientIP(r))
}

// owner names a caller in Redis, where the gateways of other namespaces may have callers of the same name.
func (g *Gateway) owner(caller string) string {
	if g.cfg.Namespace == "" || g.cfg.Namespace == queue.DefaultNamespace {
		return caller
	}
	return g.cfg.Namespace + ":" + caller
}

// shared holds each caller to its share of the requests, and of the memory for their bodies.
func (g *Gateway) shared(next http.Handler) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		who, size := g.callerOf(r), g.bodySize(r)
		if refusal := g.requests.take(who, 1); refusal != nil {
			return refusal
		}
		defer g.requests.giveBack(who, 1)
		if exchangeOf(r.Context()).caller.Name == "" { // anybody: however many addresses they come from, others have room
			if refusal := g.strangers.take(who, 1); refusal != nil {
				return refusal
			}
			defer g.strangers.giveBack(who, 1)
		}
		if refusal := g.bodies.take(who, size); refusal != nil {
			return refusal
		}
		defer g.bodies.giveBack(who, size)
		next.ServeHTTP(w, r)
		return nil
	})
}

// bodySize is how much of a body may be read into memory at once. A stream takes it line by line.
func (g *Gateway) bodySize(r *http.Request) int64 {
	switch {
	case mediaType(r) == streamed:
		return 0
	case r.ContentLength < 0:
		return g.cfg.MaxBody
	}
	return min(r.ContentLength, g.cfg.MaxBody)
}

// fewStreams holds each caller to its share of the streams: one may be silent for long.
func (g *Gateway) fewStreams(next http.Handler) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		who := g.callerOf(r)
		if refusal := g.streams.take(who, 1); refusal != nil {
			return refusal
		}
		defer g.streams.giveBack(who, 1)
		next.ServeHTTP(w, r)
		return nil
	})
}
