package cache

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
)

// renew has a page made anew that is old, unless somebody is at it, and reports whether the request has been answered
// by that. It is done in the background where nothing can add to what the handler says. Behind other middleware only a
// response that is sent shows what that adds, so there the request waits for the new page; where the handler fails, it
// gets the old one.
//
// Why: docs/decisions/features.md#a-page-is-judged-by-the-headers-that-are-sent
func (p *pages) renew(w http.ResponseWriter, r *http.Request, f found) (answered bool) {
	if bare(w) {
		p.renewBehind(r, w.Header().Clone(), f)
		return false
	}
	leave, _ := p.turns.try("renew " + f.target)
	if leave == nil || r.Method != http.MethodGet {
		return false
	}
	defer leave()
	err := p.cache.refresh(r.Context(), f.target, f.meta, func(ctx context.Context, lock *lockmgr.Lock) error {
		late := time.AfterFunc(p.cache.config.LoadTimeout, func() { p.cache.release(context.WithoutCancel(ctx), lock) })
		defer late.Stop()
		token, err := p.cache.begin(ctx, f.target, entryOptions{})
		if err == nil {
			answered = p.rerunFor(w, r, f, token)
		}
		return err
	})
	if err != nil && r.Context().Err() == nil {
		p.cache.config.Report(err)
	}
	return answered
}

// bare reports whether a writer is net/http's own.
func bare(w http.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return strings.HasPrefix(t.PkgPath()+"/", "net/http/")
}

// holdsBack reports whether a writer is known to show neither what is set outside of it nor what is sent.
func holdsBack(w http.ResponseWriter) bool {
	return reflect.TypeOf(w).String() == "*http.timeoutWriter"
}

func (p *pages) rerunFor(w http.ResponseWriter, r *http.Request, f found, token string) (answered bool) {
	rec := p.record(w, r, w.Header(), func() { p.keepPassing(context.WithoutCancel(r.Context()), f.target, token) })
	rec.instead = func(status int) bool { return status >= http.StatusInternalServerError }
	began := time.Now()
	p.next.ServeHTTP(rec, plain(r))
	p.finish(r, rec, f, token, began, func() {})
	if rec.dropped {
		rec.restore(rec.before)
	}
	return !rec.dropped
}

// renewBehind runs the handler in the background, with the request that found the page old.
func (p *pages) renewBehind(r *http.Request, before http.Header, f found) {
	p.cache.refreshBehind(r.Context(), f.target, f.meta, func(ctx context.Context, _ *lockmgr.Lock) error {
		token, err := p.cache.begin(ctx, f.target, entryOptions{})
		if err != nil {
			return err
		}
		return p.rerun(r.Clone(ctx), before, f, token)
	})
}

// rerun replaces a page. An answer that is none for the cache leaves it to expire, or removes it if it is the handler's
// considered word and not a failure.
func (p *pages) rerun(r *http.Request, before http.Header, f found, token string) error {
	r.Method, r.Body = http.MethodGet, http.NoBody
	rec := p.record(nil, r, before, func() {})
	began := time.Now()
	run := p.cache.flights.guarded(func(context.Context) ([]byte, error) {
		p.next.ServeHTTP(rec, plain(r))
		return nil, nil
	})
	if _, err := run(r.Context()); err != nil {
		return err // the handler may still be at it
	}
	rec.WriteHeader(http.StatusOK)
	switch {
	case rec.status >= http.StatusInternalServerError, !rec.passed && !rec.whole(r.Context().Err() != nil):
		return nil
	case rec.passed || !p.keepSent(r, rec, p.page(rec, f), f.target, token, began):
		p.keepPassing(r.Context(), f.target, token)
	}
	return nil
}
