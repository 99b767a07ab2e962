package cache

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Defaults of [PageConfig].
const (
	DefaultPageTTL = 10 * time.Minute // less a tenth at the most: see [Config.Jitter]
	DefaultMaxBody = 1 << 20          // 1 MiB
)

// PageConfig says how pages are kept. The zero value works.
type PageConfig struct {
	TTL      time.Duration // of a page that does not give its own; negative: store none such. Defaults to [DefaultPageTTL]
	StaleFor time.Duration // as the option [StaleFor]; a page's stale-while-revalidate goes before. Defaults to 0
	MaxBody  int           // bytes; longer bodies are passed on and not stored. Defaults to [DefaultMaxBody]

	// URL names the page of a request, after cache:page:. Defaults to the scheme, the host and the request URI. The
	// scheme is https behind a proxy that says so, in X-Forwarded-Proto or Forwarded. Whatever else a handler makes
	// different pages of must be in it, or in the page's Vary.
	URL func(*http.Request) string
}

// pages is the middleware's state.
type pages struct {
	cache  *Cache
	config PageConfig
	turns  turns
	next   http.Handler
	warn   sync.Once
}

// Pages is middleware that keeps pages as a shared cache by RFC 9111, at cache:page:<url>. It answers GET and HEAD from
// there, with X-Cache: HIT, or STALE while it loads the page anew; what it could not answer has X-Cache: MISS. One
// request for a page runs the handler, in the fleet, and the others wait for it.
//
// Stored is a complete response to a GET with a status that is cacheable, without Set-Cookie, and without private,
// no-store or no-cache in its Cache-Control; each variant by its Vary. Requests with Authorization, a Range, If-Match,
// If-Unmodified-Since or no-store pass by. A request with a Cookie gets, and makes, only pages that say public or
// s-maxage: others may be somebody's own. A page without an ETag gets one; If-None-Match and If-Modified-Since are
// answered with 304. A POST, PUT, PATCH, DELETE or other request that may change something, and does not fail, removes
// the page of its URL, whatever its headers.
//
// What counts is what is sent: also headers that middleware outside of this has set before, or sets when the response
// begins, such as the cookie of a session. What it sets is not stored, as it sets it anew for each request; what it
// says about the response before the handler has run, such as private, makes the request pass by. Middleware that holds
// responses back hides all that, so it belongs within this one; behind http.TimeoutHandler nothing is stored, and that
// is reported once.
//
// The response is held back until the handler returns, so that it can be stored first; a handler that flushes, or
// writes more than MaxBody, is passed on from there and not stored. When Redis is away, the handler answers.
func Pages(c *Cache, config PageConfig) func(http.Handler) http.Handler {
	config.TTL = cmp.Or(config.TTL, DefaultPageTTL)
	config.MaxBody = cmp.Or(config.MaxBody, DefaultMaxBody)
	if config.URL == nil {
		config.URL = requestURL
	}
	return func(next http.Handler) http.Handler {
		return &pages{cache: c, config: config, next: next, turns: turns{running: map[string]chan struct{}{}}}
	}
}

// ServeHTTP answers from the cache or by the handler.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := PageKey(p.config.URL(r))
	wants := parseDirectives(r.Header)
	switch {
	case checkKey(key) != nil, len(key) > maxPageKey:
		p.next.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		p.unsafe(w, r, key)
	case wants.has("no-store"), passesBy(r.Header), parseDirectives(w.Header()).has("no-store", "private", "no-cache"):
		p.next.ServeHTTP(w, r)
	case holdsBack(w):
		p.warn.Do(func() {
			p.cache.config.Report(errors.New("cache: Pages within http.TimeoutHandler stores nothing, put it outside"))
		})
		p.next.ServeHTTP(w, r)
	default:
		p.get(w, r, key, wants)
	}
}

// passesBy reports whether a request has nothing to do with the cache.
func passesBy(h http.Header) bool {
	for _, name := range []string{"Authorization", "Range", "Upgrade", "If-Match", "If-Unmodified-Since"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// personal reports whether an answer may be its visitor's own: somebody with a cookie, or who is about to get one.
func personal(w http.ResponseWriter, r *http.Request) bool {
	return r.Header.Get("Cookie") != "" || len(w.Header().Values("Set-Cookie")) > 0
}

func (p *pages) get(w http.ResponseWriter, r *http.Request, key string, wants directives) {
	found, err := p.lookup(r.Context(), key, r)
	if err != nil {
		p.cache.config.Report(err)
		p.next.ServeHTTP(w, r)
		return
	}
	if p.answer(w, r, found, wants) {
		return
	}
	switch {
	case wants.has("only-if-cached"):
		http.Error(w, "the page is not cached", http.StatusGatewayTimeout)
	case r.Method == http.MethodHead: // its answer has no body to store
		p.next.ServeHTTP(w, r)
	case found.ours || found.passing || personal(w, r):
		p.run(w, r, found, func() {})
	default:
		p.miss(w, r, key, found, wants)
	}
}

// found is what the cache has for a request.
type found struct {
	page     page
	meta     meta
	age      freshness
	ours     bool   // there is a page
	passing  bool   // the last answer was not one for the cache
	target   string // where an answer to this request belongs
	variants string
}

// lookup reads the page at key, or its variant that answers the request.
func (p *pages) lookup(ctx context.Context, key string, r *http.Request) (found, error) {
	f, err := p.readPage(ctx, key)
	if err != nil || !f.ours {
		f.variants = rand.Text()
		return f, err
	}
	f.variants = f.page.Variants
	if f.page.answers(r) {
		return f, nil
	}
	v, err := p.readPage(ctx, f.page.variantKey(key, r))
	v.ours = v.ours && v.page.answers(r)
	v.variants = f.variants
	return v, err
}

func (p *pages) readPage(ctx context.Context, key string) (found, error) {
	f := found{target: key}
	e, err := p.cache.read(ctx, key)
	if err != nil {
		return f, err
	}
	f.meta, f.age, f.passing = e.meta, p.cache.freshness(e.meta), e.meta.Missing
	if e.raw == nil {
		return f, nil
	}
	f.page, err = parsePage(e.raw)
	f.ours = err == nil && (f.age != stale || f.page.Stale)
	if err != nil && !errors.Is(err, errNoPage) {
		p.cache.config.Report(errors.Join(errors.New("cache: damaged page "+key), err))
	}
	return f, nil
}

// answer serves what was found, if the request takes it, and has it made anew if it is time.
func (p *pages) answer(w http.ResponseWriter, r *http.Request, f found, wants directives) bool {
	now := p.cache.config.Now()
	if !f.ours || wants.has("no-cache") || personal(w, r) && !f.page.Shared {
		return false
	}
	if limit, set := wants.seconds("max-age"); set && f.page.age(now) > limit {
		return false
	}
	verdict := "HIT"
	if f.age == stale {
		verdict = "STALE"
	}
	if f.age != fresh && p.renew(w, r, f) {
		return true
	}
	f.page.send(w, r, verdict, now)
	return true
}
