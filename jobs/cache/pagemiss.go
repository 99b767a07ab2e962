package cache

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
)

// miss lets one request in the fleet run the handler, and serves the others what it stored. Where the answer turns out
// to be none for the cache, all run it for themselves, and for a while those that come later do so at once.
func (p *pages) miss(w http.ResponseWriter, r *http.Request, key string, f found, wants directives) {
	var err error
	for waited := ""; f.target != waited && err == nil; { // once more if a variant's place turns out to be another
		waited = f.target
		var first bool
		if first, err = p.first(w, r, key, waited, wants); first || r.Context().Err() != nil {
			return
		}
		if err == nil {
			f, err = p.lookup(r.Context(), key, r)
		}
		if err == nil && p.answer(w, r, f, wants) {
			return
		}
		if f.passing {
			break
		}
	}
	if err != nil {
		p.cache.config.Report(err)
		p.next.ServeHTTP(w, r)
		return
	}
	p.run(w, r, f, func() {})
}

// first answers the request if it is the first to want what belongs at target; or waits until another has been.
func (p *pages) first(w http.ResponseWriter, r *http.Request, key, target string, wants directives) (bool, error) {
	leave, err := p.turns.enter(r.Context(), target)
	if leave == nil {
		return false, err
	}
	release := sync.OnceFunc(leave)
	defer func() { release() }()
	lock, err := p.cache.locks.Acquire(r.Context(), lockPrefix+target, lockmgr.TTL(p.cache.config.Lease))
	if err != nil {
		return false, err
	}
	release = sync.OnceFunc(func() {
		p.cache.release(context.WithoutCancel(r.Context()), lock)
		leave()
	})
	f, err := p.lookup(r.Context(), key, r)
	if err != nil || f.ours || f.passing || f.target != target {
		return false, err
	}
	p.run(w, r, f, release)
	return true, nil
}

// run asks the handler, stores its answer at f.target if it is one for the cache, and sends it. release is called as
// soon as others need not wait any more.
func (p *pages) run(w http.ResponseWriter, r *http.Request, f found, release func()) {
	ctx := context.WithoutCancel(r.Context())
	token, err := p.cache.begin(ctx, f.target, entryOptions{})
	if err != nil {
		p.cache.config.Report(err)
	}
	rec := p.record(w, r, func() {
		if token != "" && !f.ours && !f.passing && r.Header.Get("Cookie") == "" {
			p.keepPassing(ctx, f.target, token)
		}
		release()
	})
	began := time.Now()
	p.next.ServeHTTP(rec, plain(r))
	rec.WriteHeader(http.StatusOK)
	if raw, o, ok := p.encode(r, rec, f.variants); ok {
		if token != "" {
			p.keep(ctx, f.target, token, p.cache.newEntry(raw, time.Since(began), o), o)
		}
		release()
		made, _ := parsePage(raw)
		made.send(w, r, "MISS", p.cache.config.Now())
	}
}

func (p *pages) record(w http.ResponseWriter, r *http.Request, onPass func()) *recorder {
	return &recorder{
		w: w, limit: p.config.MaxBody, onPass: onPass, header: http.Header{},
		storing: func(status int, h http.Header) bool {
			ttl, _ := p.lifetime(r, status, h)
			return ttl > 0
		},
	}
}

func (p *pages) keep(ctx context.Context, key, token string, e entry, o entryOptions) {
	if _, err := p.cache.store(ctx, key, token, e, o); err != nil {
		p.cache.config.Report(err)
	}
}

// keepPassing remembers that an answer was none for the cache, so that the next requests do not wait for each other.
func (p *pages) keepPassing(ctx context.Context, key, token string) {
	p.keep(ctx, key, token, entry{meta: meta{Missing: true}}, entryOptions{missTTL: p.cache.config.MissTTL})
}

// refresh runs the handler in the background, with the request that found the page old, unless somebody is at it.
func (p *pages) refresh(r *http.Request, f found) {
	p.cache.refreshBehind(r.Context(), f.target, f.meta, func(ctx context.Context, _ *lockmgr.Lock) error {
		token, err := p.cache.begin(ctx, f.target, entryOptions{})
		if err != nil {
			return err
		}
		p.rerun(r.Clone(ctx), f, token)
		return nil
	})
}

// rerun replaces a page. An answer that is none for the cache leaves it to expire, or removes it if it is the handler's
// considered word and not a failure.
func (p *pages) rerun(r *http.Request, f found, token string) {
	rec := p.record(nil, r, func() {})
	r.Method, r.Body = http.MethodGet, http.NoBody
	began := time.Now()
	p.next.ServeHTTP(rec, plain(r))
	rec.WriteHeader(http.StatusOK)
	raw, o, ok := p.encode(r, rec, f.variants)
	switch {
	case ok:
		p.keep(r.Context(), f.target, token, p.cache.newEntry(raw, time.Since(began), o), o)
	case rec.status < http.StatusInternalServerError:
		p.keepPassing(r.Context(), f.target, token)
	}
}

// plain is the request without its conditions: the cache needs the whole page, and evaluates them itself.
func plain(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"} {
		r.Header.Del(name)
	}
	return r
}

// turns lets one request of this process after a page, and the others wait for it.
type turns struct {
	mu      sync.Mutex
	running map[string]chan struct{}
}

// enter returns a function that ends the turn, or nil after another's turn has ended.
func (t *turns) enter(ctx context.Context, key string) (func(), error) {
	t.mu.Lock()
	ended, busy := t.running[key]
	if !busy {
		ended = make(chan struct{})
		t.running[key] = ended
		t.mu.Unlock()
		return func() {
			t.mu.Lock()
			delete(t.running, key)
			t.mu.Unlock()
			close(ended)
		}, nil
	}
	t.mu.Unlock()
	select {
	case <-ended:
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
