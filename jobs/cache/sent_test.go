package cache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
	"github.com/navvy-go/navvy/jobs/session"
)

type wrapper func(http.Handler) http.Handler

// before is middleware that sets headers before the handler runs.
func before(headers ...string) wrapper {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			add(w.Header(), headers)
			next.ServeHTTP(w, r)
		})
	}
}

func add(h http.Header, headers []string) {
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		h.Add(name, value)
	}
}

// atStart is middleware that changes the headers when the response begins.
func atStart(change func(h http.Header)) wrapper {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&startWriter{ResponseWriter: w, change: change}, r)
		})
	}
}

type startWriter struct {
	http.ResponseWriter
	change func(http.Header)
}

func (w *startWriter) WriteHeader(status int) {
	if w.change != nil {
		w.change(w.Header())
		w.change = nil
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *startWriter) Write(data []byte) (int, error) {
	if w.change != nil {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(data)
}

// behind puts the site behind middleware.
func (s *site) behind(outer wrapper) *site {
	s.http = outer(s.http)
	return s
}

// What middleware says about a response counts as if the handler had, whether it says so before the handler runs or
// when the response begins.
func TestPagesAreJudgedByWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"Cache-Control: private", "Cache-Control: max-age=60, no-store", "Cache-Control: no-cache", "Set-Cookie: a=b",
		"Cache-Control: max-age=0", "Vary: *", "Expires: 0",
	} {
		said := []string{header}
		for where, outer := range map[string]wrapper{
			"before": before(said...), "at the start": atStart(func(h http.Header) { add(h, said) }),
		} {
			s := numberedSite(t, cache.PageConfig{}).behind(outer)
			for want := range 3 {
				_, body := s.ask(http.MethodGet, "/")
				if body != fmt.Sprintf("page %d", want+1) {
					t.Errorf("%s %s: the visitor got %q, want a page of its own", header, where, body)
				}
			}
			if s.rdb.Exists(t.Context(), cache.PageKey(s.ns+"/")).Val() != 0 {
				t.Errorf("%s %s: stored", header, where)
			}
		}
	}
}

func TestVaryOfOthersMakesVariants(t *testing.T) {
	t.Parallel()
	for where, outer := range map[string]wrapper{
		"before":       before("Vary: X-Tenant"),
		"at the start": atStart(func(h http.Header) { h.Add("Vary", "X-Tenant") }),
	} {
		s := newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Vary", "Accept")
			fmt.Fprint(w, "for "+r.Header.Get("X-Tenant"))
		}).behind(outer)
		for _, verdict := range []string{"MISS", "HIT"} {
			for _, tenant := range []string{"a", "b"} {
				answer := s.saw(verdict, "for "+tenant, "/", "X-Tenant: "+tenant)
				if vary := strings.Join(answer.Header.Values("Vary"), ", "); !strings.Contains(vary, "X-Tenant") ||
					!strings.Contains(vary, "Accept") {
					t.Errorf("%s, %s: Vary: %s", where, verdict, vary)
				}
			}
		}
	}
}

// The handler overrides, adds to and takes away what was set before it, from the cache as without.
func TestHeadersOfOthersAreTreatedAsWithoutTheCache(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	outer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", fmt.Sprint(requests.Add(1)))
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Frame-Options", "DENY")
			w.Header().Set("Cache-Control", "max-age=60")
			next.ServeHTTP(w, r)
		})
	}
	s := newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Del("X-Frame-Options")
		fmt.Fprint(w, "<p>x")
	}).behind(outer)
	for i, verdict := range []string{"MISS", "HIT", "HIT"} {
		h := s.saw(verdict, "<p>x", "/").Header
		for name, want := range map[string][]string{
			"X-Request-Id": {fmt.Sprint(i + 1)}, "Content-Type": {"text/html; charset=utf-8"}, "X-Frame-Options": nil,
			"Cache-Control": {"max-age=60"}, "Etag": {h.Get("ETag")},
		} {
			if got := h.Values(name); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%s: %s: %q, want %q", verdict, name, got, want)
			}
		}
	}
}

// sessionSite is a form with a token that is kept in its visitor's session.
func sessionSite(t *testing.T, outside bool, config cache.PageConfig) *site {
	t.Helper()
	store, err := session.New(redistest.Shared(t).Client(t), session.Config{})
	must(t, err)
	inSession, err := session.Middleware(store, make([]byte, 32))
	must(t, err)
	var s *site
	form := func(w http.ResponseWriter, r *http.Request) {
		token := fmt.Sprintf("token %d", s.runs.Load())
		if strings.HasPrefix(r.URL.Path, "/form") {
			must(t, session.FromContext(r.Context()).Set("csrf", token))
		}
		fmt.Fprint(w, token)
	}
	if outside {
		s = newSite(t, config, form).behind(inSession)
		return s
	}
	s = newSite(t, config, func(w http.ResponseWriter, r *http.Request) {
		inSession(http.HandlerFunc(form)).ServeHTTP(w, r)
	})
	return s
}

func TestAPageOfASessionIsNotGivenToAnother(t *testing.T) {
	t.Parallel()
	for _, outside := range []bool{true, false} {
		s := sessionSite(t, outside, cache.PageConfig{StaleFor: time.Hour})
		for visitor := range 3 {
			answer, body := s.ask(http.MethodGet, "/form")
			if body != fmt.Sprintf("token %d", visitor+1) || answer.Header.Get("Set-Cookie") == "" {
				t.Errorf("session outside %t: visitor %d got %q, cookie %q", outside, visitor, body,
					answer.Header.Get("Set-Cookie"))
			}
		}
		s.saw("MISS", "token 4", "/plain")
		s.saw("HIT", "token 4", "/plain")
	}
}

// A page that is made anew may have become somebody's own meanwhile.
func TestAStalePageBehindASessionIsMadeAnewInTheOpen(t *testing.T) {
	t.Parallel()
	var own atomic.Bool
	store, err := session.New(redistest.Shared(t).Client(t), session.Config{})
	must(t, err)
	inSession, err := session.Middleware(store, make([]byte, 32))
	must(t, err)
	var s *site
	s = newSite(t, cache.PageConfig{StaleFor: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
		page := fmt.Sprintf("page %d", s.runs.Load())
		if own.Load() {
			must(t, session.FromContext(r.Context()).Set("csrf", page))
		}
		fmt.Fprint(w, page)
	}).behind(inSession)
	s.saw("MISS", "page 1", "/")
	s.pass(cache.DefaultPageTTL)
	s.saw("MISS", "page 2", "/")
	s.saw("HIT", "page 2", "/")
	own.Store(true)
	s.pass(cache.DefaultPageTTL)
	for want := range 3 {
		s.saw("MISS", fmt.Sprintf("page %d", want+3), "/")
	}
}

// A handler that fails while a page is made anew in the open leaves its visitor the old one.
func TestAFailedRenewalLeavesTheOldPage(t *testing.T) {
	t.Parallel()
	var s *site
	s = newSite(t, cache.PageConfig{StaleFor: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
		if s.runs.Load() > 1 {
			w.Header().Set("X-Error", "yes")
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		s.numbered(w, r)
	}).behind(atStart(func(http.Header) {}))
	s.saw("MISS", "page 1", "/")
	s.pass(cache.DefaultPageTTL)
	if h := s.saw("STALE", "page 1", "/").Header; h.Get("X-Error") != "" || s.runs.Load() != 2 {
		t.Errorf("after %d runs: %v", s.runs.Load(), h)
	}
}

// A failed save of a session replaces the response: what the handler said then is nobody's.
func TestAReplacedResponseIsNotStored(t *testing.T) {
	t.Parallel()
	for name, outer := range map[string]wrapper{
		"another type": atStart(func(h http.Header) { h.Set("Content-Type", "application/problem+json") }),
		"no headers":   atStart(func(h http.Header) { clear(h) }),
	} {
		s := numberedSite(t, cache.PageConfig{}).behind(outer)
		_, _ = s.ask(http.MethodGet, "/")
		if s.rdb.Exists(t.Context(), cache.PageKey(s.ns+"/")).Val() != 0 {
			t.Errorf("%s: stored", name)
		}
	}
}

func TestMiddlewareThatHoldsBackIsRefused(t *testing.T) {
	t.Parallel()
	s := sessionSite(t, true, cache.PageConfig{})
	s.http = http.TimeoutHandler(s.http, time.Minute, "late")
	for want := range 2 {
		if _, body := s.ask(http.MethodGet, "/form"); body != fmt.Sprintf("token %d", want+1) {
			t.Errorf("within a timeout that is outside of the session: %q", body)
		}
	}
	if s.reported("TimeoutHandler") {
		t.Error("reported though the session is within the timeout")
	}
	p := numberedSite(t, cache.PageConfig{})
	p.http = http.TimeoutHandler(p.http, time.Minute, "late")
	p.saw("", "page 1", "/")
	p.saw("", "page 2", "/")
	if !p.reported("TimeoutHandler") {
		t.Error("not reported")
	}
}

func TestDefaultKeysOfPages(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	handler := cache.Pages(r.Cache, cache.PageConfig{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "x")
	}))
	host := "h" + strings.ReplaceAll(strings.Trim(r.ns, ":"), "_", "-") + ".example"
	for _, test := range []struct{ url, header, want string }{
		{"http://" + host + "/a?b=c", "", "http://" + host + "/a?b=c"},
		{"https://" + host + "/a", "", "https://" + host + "/a"},
		{"http://" + host + "/p", "X-Forwarded-Proto: https", "https://" + host + "/p"},
		{"http://" + host + "/q", "X-Forwarded-Proto: HTTPS, http", "https://" + host + "/q"},
		{"http://" + host + "/r", `Forwarded: for=192.0.2.1;proto="https", for=x`, "https://" + host + "/r"},
		{"https://" + host + "/s", "X-Forwarded-Proto: http", "https://" + host + "/s"},
		{"http://" + host + "/t", "X-Forwarded-Proto: gopher", "http://" + host + "/t"},
		{"http://" + strings.ToUpper(host) + ":80/u", "", "http://" + host + "/u"},
		{"https://" + host + ":443/v", "", "https://" + host + "/v"},
		{"http://" + host + ":8080/w", "", "http://" + host + ":8080/w"},
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.url, nil)
		if name, value, found := strings.Cut(test.header, ": "); found {
			request.Header.Set(name, value)
		}
		handler.ServeHTTP(httptest.NewRecorder(), request)
		if r.rdb.Exists(t.Context(), cache.PageKey(test.want)).Val() != 1 {
			t.Errorf("%s, %s: not stored as %s", test.url, test.header, test.want)
		}
	}
}
