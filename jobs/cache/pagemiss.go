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
	wait, cancel := context.WithTimeout(r.Context(), p.cache.config.LoadTimeout)
	defer cancel()
	var err error
	for waited := ""; f.target != waited && err == nil; { // once more if a variant's place turns out to be another
		waited = f.target
		var first bool
		if first, err = p.first(wait, w, r, key, waited); first || r.Context().Err() != nil {
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

// first answers the request if it is the first to want what belongs at target; or waits until another has been. A
// handler that takes too long, or never returns, keeps nobody waiting: the next is then the first.
func (p *pages) first(
	wait context.Context, w http.ResponseWriter, r *http.Request, key, target string,
) (bool, error) {
	leave, err := p.turns.enter(wait, target)
	if leave == nil {
		return false, err
	}
	release := sync.OnceFunc(leave)
	defer func() { release() }()
	lock, err := p.cache.locks.Acquire(wait, lockPrefix+target, lockmgr.TTL(p.cache.config.Lease))
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
	late := time.AfterFunc(p.cache.config.LoadTimeout, release)
	defer late.Stop()
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
	rec := p.record(w, r, w.Header(), func() {
		if token != "" && !f.ours && !f.passing && r.Header.Get("Cookie") == "" {
			p.keepPassing(ctx, f.target, token)
		}
		release()
	})
	began := time.Now()
	p.next.ServeHTTP(rec, plain(r))
	p.finish(r, rec, f, token, began, release)
}

// finish sends what was held back, and stores it if what is sent is one for the cache: middleware outside may set
// cookies and headers at the moment when the response begins, as those of sessions do.
//
// Why: docs/decisions/features.md#a-page-is-judged-by-the-headers-that-are-sent
func (p *pages) finish(
	r *http.Request, rec *recorder, f found, token string, began time.Time, stored func(),
) {
	rec.WriteHeader(http.StatusOK)
	switch {
	case rec.passed, rec.dropped:
		return
	case !rec.whole(r.Context().Err() != nil):
		rec.pass()
		return
	}
	made := p.page(rec, f)
	body := made.begin(rec.w, r, "MISS", p.cache.config.Now())
	if p.keepSent(r, rec, made, f.target, token, began) {
		stored()
	} else {
		rec.onPass()
	}
	if body {
		_, _ = rec.w.Write([]byte(made.Body))
	}
}

// page is what the handler answered.
func (p *pages) page(rec *recorder, f found) page {
	rec.restore(rec.header)
	made := newPage(rec.status, rec.before, rec.header, rec.body.String(), p.cache.config.Now())
	made.Variants = f.variants
	return made
}

// keepSent stores a page whose headers have been sent, and reports whether it was one for the cache.
func (p *pages) keepSent(r *http.Request, rec *recorder, made page, target, token string, began time.Time) bool {
	h := rec.live
	ttl, staleFor := p.lifetime(r, rec.status, h)
	replaced := rec.w != nil && (h.Get("X-Cache") != "MISS" ||
		h.Get("Content-Type") != "" && h.Get("Content-Type") != made.Header.Get("Content-Type"))
	raw, err := made.judged(r, h, staleFor).encode()
	if ttl <= 0 || replaced || err != nil {
		return false
	}
	if o := (entryOptions{ttl: ttl, staleFor: staleFor}); token != "" {
		p.keep(context.WithoutCancel(r.Context()), target, token, p.cache.newEntry(raw, time.Since(began), o), o)
	}
	return true
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

// plain is the request without its conditions: the cache needs the whole page, and evaluates them itself.
func plain(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"} {
		r.Header.Del(name)
	}
	return r
}
