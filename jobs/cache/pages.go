package cache

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
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

	// URL names the page of a request, after cache:page:. Defaults to the scheme, the host and the request URI: behind a
	// proxy that ends TLS the scheme is http.
	URL func(*http.Request) string
}

// pages is the middleware's state.
type pages struct {
	cache  *Cache
	config PageConfig
	turns  turns
	next   http.Handler
}

// Pages is middleware that keeps pages as a shared cache by RFC 9111, at cache:page:<url>. It answers GET and HEAD from
// there, with X-Cache: HIT, or STALE while it loads the page anew; what it could not answer has X-Cache: MISS. One
// request for a page runs the handler, in the fleet, and the others wait for it.
//
// Stored is a complete response to a GET with a status that is cacheable, without Set-Cookie, and without private,
// no-store or no-cache in its Cache-Control; each variant by its Vary. Requests with Authorization, a Range or no-store
// pass by. A request with a Cookie gets, and makes, only pages that say public or s-maxage: others may be somebody's
// own. A page without an ETag gets one; If-None-Match and If-Modified-Since are answered with 304. A successful POST,
// PUT, PATCH or DELETE removes the page of its URL.
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

func requestURL(r *http.Request) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + r.URL.RequestURI()
}

// ServeHTTP answers from the cache or by the handler.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := PageKey(p.config.URL(r))
	wants := parseDirectives(r.Header)
	switch {
	case checkKey(key) != nil, len(key) > maxPageKey, wants.has("no-store"),
		r.Header.Get("Authorization") != "", r.Header.Get("Range") != "", r.Header.Get("Upgrade") != "":
		p.next.ServeHTTP(w, r)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		p.get(w, r, key, wants)
	default:
		p.unsafe(w, r, key)
	}
}

// unsafe invalidates the page that a request may have changed (RFC 9111, section 4.4).
func (p *pages) unsafe(w http.ResponseWriter, r *http.Request, key string) {
	watched := &statusWriter{ResponseWriter: w}
	p.next.ServeHTTP(watched, r)
	safe := r.Method == http.MethodOptions || r.Method == http.MethodTrace
	if safe || watched.status >= http.StatusBadRequest {
		return
	}
	if err := p.cache.Delete(context.WithoutCancel(r.Context()), key); err != nil {
		p.cache.config.Report(err)
	}
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader sends the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what the writer can do.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

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
	case found.ours || found.passing || r.Header.Get("Cookie") != "":
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
	f.ours = err == nil
	if err != nil && !errors.Is(err, errNoPage) {
		p.cache.config.Report(errors.Join(errors.New("cache: damaged page "+key), err))
	}
	return f, nil
}

// answer serves what was found, if the request takes it, and has it refreshed if it is time.
func (p *pages) answer(w http.ResponseWriter, r *http.Request, f found, wants directives) bool {
	now := p.cache.config.Now()
	if !f.ours || wants.has("no-cache") || r.Header.Get("Cookie") != "" && !f.page.Shared {
		return false
	}
	if limit, set := wants.seconds("max-age"); set && f.page.age(now) > limit {
		return false
	}
	verdict := "HIT"
	if f.age == stale {
		verdict = "STALE"
	}
	if f.age != fresh {
		p.refresh(r, f)
	}
	f.page.send(w, r, verdict, now)
	return true
}

// encode is the entry of a response, or false if it is none for the cache.
func (p *pages) encode(r *http.Request, rec *recorder, variants string) ([]byte, entryOptions, bool) {
	if rec.passed {
		return nil, entryOptions{}, false
	}
	made := newPage(r, rec.status, rec.header, rec.body.Bytes(), p.cache.config.Now())
	made.Variants = variants
	raw, err := json.Marshal(made)
	if err != nil {
		return nil, entryOptions{}, false
	}
	ttl, staleFor := p.lifetime(r, rec.status, rec.header)
	return raw, entryOptions{ttl: ttl, staleFor: staleFor}, true
}
