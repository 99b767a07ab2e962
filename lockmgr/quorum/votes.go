package quorum

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// votes are the answers of the servers until the outcome was decided.
type votes struct {
	yes, no, failed int
	token           uint64 // the greatest one
	errs            []error
}

// add counts an answer; token 0 is no.
func (v *votes) add(token uint64, err error) {
	switch {
	case err != nil:
		v.failed++
		v.errs = append(v.errs, err)
	case token == 0:
		v.no++
	default:
		v.yes++
		v.token = max(v.token, token)
	}
}

// decided reports whether the answers that are out cannot change the outcome.
func (v *votes) decided(majority, all int) bool {
	out := all - v.yes - v.no - v.failed
	return out == 0 || v.yes >= majority || v.no > all-majority || v.failed > all-majority
}

// ask sends a request to all servers at once, and returns when the outcome is decided or ctx ends. It is an error if
// most servers did not answer. Requests do not end with ctx. A server that hangs keeps a goroutine, for as long as its
// client lets it.
func (b *backend) ask(ctx context.Context, request func(context.Context, *member) (uint64, error)) (votes, error) {
	type answer struct {
		token uint64
		err   error
	}
	answers := make(chan answer, len(b.members))
	for _, m := range b.members {
		b.requests.run(func() {
			token, err := request(context.WithoutCancel(ctx), m)
			answers <- answer{token, err}
		})
	}
	var v votes
	for ended := false; !ended && !v.decided(b.majority(), len(b.members)); {
		select {
		case a := <-answers:
			v.add(a.token, a.err)
		case <-ctx.Done():
			v.errs, ended = append(v.errs, context.Cause(ctx)), true
		}
	}
	if v.yes+v.no >= b.majority() {
		return v, nil
	}
	return v, fmt.Errorf("%d of %d servers answered: %w", v.yes+v.no, len(b.members), errors.Join(v.errs...))
}

// requests are those under way, also those whose answers come too late to count. A WaitGroup could not be waited for
// while there may be more.
type requests struct {
	mu      sync.Mutex
	pending int           // guarded by mu
	idle    chan struct{} // guarded by mu; closed when none is pending; nil while wait is not called
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

// wait returns when no request is under way.
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
