package lockmgr

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/quorum_hold.lua
var quorumHoldSource string

var quorumHoldScript = newScript(quorumHoldSource)

// errBusy says that a server has not answered an earlier request for the same lock.
var errBusy = errors.New("no answer yet")

// quorumSeat is one lock in most of several servers.
type quorumSeat struct {
	quorum *Quorum
	key    string
	parts  []*part
	token  uint64 // 0 until the lock is taken
}

// part is one server's part of a lock. Requests for it go one after the other, so that none is overtaken by the release
// that follows. (A server that hung may still take up one of which the client has despaired, and keep its part for a
// TTL.)
type part struct {
	rdb   redis.UniversalClient
	mu    sync.Mutex
	freed bool // by us: a release that is tried anew would find nothing
}

func newQuorumSeat(q *Quorum, key string) *quorumSeat {
	s := &quorumSeat{quorum: q, key: key}
	for _, rdb := range q.members {
		s.parts = append(s.parts, &part{rdb: rdb})
	}
	return s
}

func (s *quorumSeat) most() int { return len(s.parts)/2 + 1 }

// take asks for the lock and for a token, and then has most servers confirm the token. What it got and cannot use, it
// gives back.
func (s *quorumSeat) take(ctx context.Context, owner string, ttl time.Duration) (uint64, time.Duration, error) {
	proposed, err := s.hold(ctx, owner, ttl, 0)
	if err == nil && proposed.yes >= s.most() {
		var confirmed result
		confirmed, err = s.hold(ctx, owner, ttl, proposed.token)
		if err == nil && confirmed.yes >= s.most() {
			s.token = proposed.token
			return s.token, 0, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partLimit(ttl))
	defer cancel()
	_, backErr := s.free(ctx, owner)
	if err != nil {
		err = errors.Join(err, backErr)
	}
	return 0, 0, err
}

func (s *quorumSeat) renew(ctx context.Context, owner string, ttl time.Duration) (bool, error) {
	r, err := s.hold(ctx, owner, ttl, s.token)
	return r.yes >= s.most(), err
}

// hold asks all for the lock; most have answered if there is no error.
func (s *quorumSeat) hold(ctx context.Context, owner string, ttl time.Duration, token uint64) (result, error) {
	keys := []string{s.key, companion(s.key, "fence")}
	ctx, cancel := context.WithTimeout(ctx, partLimit(ttl))
	defer cancel()
	return s.ask(ctx, func(ctx context.Context, p *part) (uint64, error) {
		if !p.mu.TryLock() {
			return 0, errBusy
		}
		defer p.mu.Unlock()
		p.freed = false
		return quorumHoldScript.Run(ctx, p.rdb, keys, owner, ttl.Milliseconds(), token).Uint64()
	})
}

func (s *quorumSeat) release(ctx context.Context, owner string) (bool, error) {
	r, err := s.free(ctx, owner)
	if err == nil && r.yes < s.most() && r.no < s.most() {
		err = fmt.Errorf("%d of %d servers had it and %d did not", r.yes, len(s.parts), r.no)
	}
	return r.yes >= s.most(), err
}

func (s *quorumSeat) free(ctx context.Context, owner string) (result, error) {
	keys := []string{s.key, companion(s.key, "queue")}
	return s.ask(ctx, func(ctx context.Context, p *part) (uint64, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.freed {
			return 1, nil
		}
		freed, err := releaseScript.Run(ctx, p.rdb, keys, owner, companion(s.key, "free"), "PUBLISH").Uint64()
		p.freed = freed == 1
		return freed, err
	})
}

// requests are those under way, also those whose answers come too late to count. A WaitGroup could not be waited for
// while there may be more.
type requests struct {
	mu      sync.Mutex
	pending int
	idle    chan struct{} // closed when none is pending; nil if nobody waits
}

func (r *requests) run(request func()) {
	r.mu.Lock()
	r.pending++
	r.mu.Unlock()
	go func() {
		request()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.pending--; r.pending == 0 && r.idle != nil {
			close(r.idle)
			r.idle = nil
		}
	}()
}

func (r *requests) wait() {
	r.mu.Lock()
	if r.pending == 0 {
		r.mu.Unlock()
		return
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	<-idle
}

// partLimit is how long one round of requests may take, of which a lock needs two: short against the TTL, long against a
// round trip.
func partLimit(ttl time.Duration) time.Duration {
	return min(max(ttl/5, 50*time.Millisecond), time.Second)
}

// result is what the servers said until it was decided.
type result struct {
	yes, no, failed int
	token           uint64 // the greatest one
	errs            []error
}

// add counts an answer; 0 is no.
func (r *result) add(token uint64, err error) {
	switch {
	case err != nil:
		r.failed++
		r.errs = append(r.errs, err)
	case token == 0:
		r.no++
	default:
		r.yes++
		r.token = max(r.token, token)
	}
}

// decided reports whether the answers that are out cannot change what comes of it.
func (r *result) decided(most, all int) bool {
	rest := all - r.yes - r.no - r.failed
	return rest == 0 || r.yes >= most || r.no > all-most || r.failed > all-most
}

// ask puts a question to all servers at once, and returns when it is decided or ctx ends. It is an error if most
// servers did not answer. A server that hangs keeps a goroutine, for as long as its client lets it.
func (s *quorumSeat) ask(ctx context.Context, question func(context.Context, *part) (uint64, error)) (result, error) {
	type answer struct {
		token uint64
		err   error
	}
	answers := make(chan answer, len(s.parts))
	for _, p := range s.parts {
		s.quorum.asking.run(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
			defer cancel()
			token, err := question(ctx, p)
			answers <- answer{token, err}
		})
	}
	var r result
	for !r.decided(s.most(), len(s.parts)) {
		select {
		case a := <-answers:
			r.add(a.token, a.err)
		case <-ctx.Done():
			if r.yes+r.no >= s.most() {
				return r, nil
			}
			return r, fmt.Errorf("%d of %d servers answered: %w", r.yes+r.no, len(s.parts), errors.Join(append(r.errs, context.Cause(ctx))...))
		}
	}
	if r.yes+r.no < s.most() {
		return r, fmt.Errorf("%d of %d servers answered: %w", r.yes+r.no, len(s.parts), errors.Join(r.errs...))
	}
	return r, nil
}
