package cache_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/cache"
)

// site is a handler behind the cache. It counts its runs.
type site struct {
	*rig
	t    *testing.T
	runs atomic.Int64
	http http.Handler
}

func newSite(t *testing.T, config cache.PageConfig, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{rig: newRig(t, redistest.Shared(t).Client(t), cache.Config{}), t: t}
	config.URL = func(r *http.Request) string { return s.ns + r.URL.RequestURI() }
	s.http = cache.Pages(s.Cache, config)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.runs.Add(1)
		handler(w, r)
	}))
	return s
}

// ask sends a request with headers "Name: value", and returns the response with its body read.
func (s *site) ask(method, target string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, target, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Add(name, value); name == "Host" {
			r.Host = value // where net/http has it
			r.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	s.http.ServeHTTP(w, r)
	response := w.Result()
	body, err := io.ReadAll(response.Body)
	must(s.t, err)
	return response, string(body)
}

// saw asks with GET and wants this verdict and body.
func (s *site) saw(verdict, body string, target string, headers ...string) *http.Response {
	s.t.Helper()
	response, got := s.ask(http.MethodGet, target, headers...)
	if v := response.Header.Get("X-Cache"); v != verdict || got != body {
		s.t.Errorf("%s %v: %s %q, want %s %q", target, headers, v, got, verdict, body)
	}
	return response
}

func (s *site) numbered(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "page %d", s.runs.Load())
}

func numberedSite(t *testing.T, config cache.PageConfig, headers ...string) *site {
	t.Helper()
	var s *site
	s = newSite(t, config, func(w http.ResponseWriter, r *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		s.numbered(w, r)
	})
	return s
}

func TestAPageIsMadeOnceAndReadableElsewhere(t *testing.T) {
	t.Parallel()
	s := numberedSite(t, cache.PageConfig{})
	miss := s.saw("MISS", "page 1", "/a?q=1")
	hit := s.saw("HIT", "page 1", "/a?q=1")
	s.saw("MISS", "page 2", "/a?q=2")
	if miss.Header.Get("ETag") == "" || miss.Header.Get("ETag") != hit.Header.Get("ETag") || hit.Header.Get("Age") == "" {
		t.Errorf("headers: %v, then %v", miss.Header, hit.Header)
	}
	var content map[string]any
	must(t, json.Unmarshal([]byte(s.rdb.Get(t.Context(), cache.PageKey(s.ns+"/a?q=1")).Val()), &content))
	if content["body"] != "page 1" || content["status"] != 200.0 {
		t.Errorf("the page's JSON: %v", content)
	}
	head, body := s.ask(http.MethodHead, "/a?q=1")
	if head.Header.Get("X-Cache") != "HIT" || body != "" || head.Header.Get("Content-Length") != "6" {
		t.Errorf("HEAD: %v %q", head.Header, body)
	}
	not, body := s.ask(http.MethodGet, "/a?q=1", `If-None-Match: "x", W/`+hit.Header.Get("ETag"))
	if not.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("If-None-Match: %d %q", not.StatusCode, body)
	}
	s.pass(cache.DefaultPageTTL)
	s.rdb.Del(t.Context(), cache.PageKey(s.ns+"/a?q=1")) // the clock is ours, the TTL is Redis'
	s.saw("MISS", "page 3", "/a?q=1")
}

func TestPagesOfOtherProgramsAreServed(t *testing.T) {
	t.Parallel()
	s := numberedSite(t, cache.PageConfig{})
	for path, value := range map[string]string{"/html": `"<p>hello</p>"`, "/data": `{"products": []}`, "/cut": `{"st`} {
		must(t, s.rdb.SetEx(t.Context(), cache.PageKey(s.ns+path), value, time.Minute).Err())
	}
	if r := s.saw("HIT", "<p>hello</p>", "/html"); r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%v", r.Header)
	}
	s.saw("MISS", "page 1", "/data")
	s.saw("MISS", "page 2", "/cut")
	if !s.reported("damaged page") {
		t.Error("a damaged page was not reported")
	}
}

func TestWhatIsNeverStored(t *testing.T) {
	t.Parallel()
	for _, headers := range [][]string{
		{"Set-Cookie: a=b"}, {"Cache-Control: private"}, {"Cache-Control: max-age=60, no-store"}, {"Cache-Control: No-Cache"},
		{`Cache-Control: private="X-User"`}, {"Cache-Control: max-age=0"}, {"Cache-Control: s-maxage=0, max-age=60"},
		{"Cache-Control: max-age=x"}, {"Vary: Accept, *"}, {"Expires: 0"}, {"Cache-Control: max-age=60", "Age: 61"},
		{"Pragma: no-cache"},
	} {
		s := numberedSite(t, cache.PageConfig{}, headers...)
		s.saw("MISS", "page 1", "/")
		s.saw("MISS", "page 2", "/")
		if s.rdb.Exists(t.Context(), cache.PageKey(s.ns+"/")).Val() != 0 {
			t.Errorf("%v was stored", headers)
		}
	}
	for _, status := range []int{201, 206, 302, 307, 404, 500, 503} {
		s := newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		s.saw("MISS", "", "/")
		s.saw("MISS", "", "/")
	}
	for _, header := range []string{"Authorization: Bearer x", "Range: bytes=0-1", "Cache-Control: no-store"} {
		s := numberedSite(t, cache.PageConfig{}, "Cache-Control: public, max-age=60")
		s.saw("", "page 1", "/", header)
		s.saw("MISS", "page 2", "/")
		s.saw("", "page 3", "/", header)
	}
}

func TestExplicitLifetimes(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"Cache-Control: max-age=60":                                           time.Minute,
		"Cache-Control: max-age=10, S-MaxAge=120":                             2 * time.Minute,
		`Cache-Control: max-age="30"`:                                         30 * time.Second,
		"Cache-Control: max-age=99999999999999":                               366 * 24 * time.Hour, // RFC 9111, 1.2.2
		"Expires: " + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): time.Hour,
		"Cache-Control: max-age=60, stale-while-revalidate=60":                2 * time.Minute,
		"Cache-Control: s-maxage=60, stale-while-revalidate=60":               time.Minute,
		"X-Nothing: to say":                                                   cache.DefaultPageTTL,
	} {
		s := numberedSite(t, cache.PageConfig{}, header)
		_, _ = s.ask(http.MethodGet, "/")
		ttl := max(s.rdb.PTTL(t.Context(), cache.PageKey(s.ns+"/")).Val(), 0)
		if ttl > want || ttl < want-3*time.Second {
			t.Errorf("%s: TTL %s, want %s", header, ttl, want)
		}
	}
}

func TestCookiesGetOnlyWhatIsShared(t *testing.T) {
	t.Parallel()
	s := numberedSite(t, cache.PageConfig{})
	s.saw("MISS", "page 1", "/")
	s.saw("MISS", "page 2", "/", "Cookie: session=1") // nobody's page may be this user's
	s.saw("HIT", "page 1", "/")                       // and the other way round
	p := numberedSite(t, cache.PageConfig{}, "Cache-Control: public, max-age=60")
	p.saw("MISS", "page 1", "/", "Cookie: session=1")
	p.saw("HIT", "page 1", "/", "Cookie: session=2")
	p.saw("HIT", "page 1", "/")
}

func TestVariants(t *testing.T) {
	t.Parallel()
	s := newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept-Language, accept-encoding")
		fmt.Fprint(w, "in ", r.Header.Get("Accept-Language"))
	})
	for _, verdict := range []string{"MISS", "HIT"} {
		for _, language := range []string{"de", "en", "pl"} {
			s.saw(verdict, "in "+language, "/", "Accept-Language: "+language)
		}
	}
	must(t, s.rdb.Del(t.Context(), cache.PageKey(s.ns+"/")).Err()) // as other programs invalidate
	for _, language := range []string{"pl", "de", "en"} {
		s.saw("MISS", "in "+language, "/", "Accept-Language: "+language)
	}
}

func TestRequestDirectives(t *testing.T) {
	t.Parallel()
	s := numberedSite(t, cache.PageConfig{})
	if r, _ := s.ask(http.MethodGet, "/", "Cache-Control: only-if-cached"); r.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("only-if-cached: %d", r.StatusCode)
	}
	s.saw("MISS", "page 1", "/")
	s.saw("MISS", "page 2", "/", "Cache-Control: no-cache")
	s.saw("HIT", "page 2", "/")
	s.pass(time.Minute)
	s.saw("HIT", "page 2", "/", "Cache-Control: max-age=90")
	s.saw("MISS", "page 3", "/", "Cache-Control: max-age=30")
	s.saw("HIT", "page 3", "/", "Cache-Control: only-if-cached")
}

func TestUnsafeMethodsInvalidate(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	status.Store(http.StatusNoContent)
	var s *site
	s = newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(int(status.Load()))
			return
		}
		s.numbered(w, r)
	})
	s.saw("MISS", "page 1", "/")
	_, _ = s.ask(http.MethodPost, "/")
	s.saw("MISS", "page 3", "/")
	status.Store(http.StatusBadRequest)
	_, _ = s.ask(http.MethodPost, "/")
	s.saw("HIT", "page 3", "/")
}

func TestAStalePageIsServedWhileItIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := numberedSite(t, cache.PageConfig{StaleFor: time.Hour})
	s.saw("MISS", "page 1", "/", `If-None-Match: "x"`)
	s.pass(cache.DefaultPageTTL)
	s.saw("STALE", "page 1", "/")
	eventually(t, "the page is made anew", func() bool {
		_, body := s.ask(http.MethodGet, "/")
		return body == "page 2"
	})
	s.saw("HIT", "page 2", "/")
}

func TestOneOfManyRequestsMakesThePage(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	s := newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, _ *http.Request) {
		<-gate
		fmt.Fprint(w, "slow")
	})
	var wg sync.WaitGroup
	var misses atomic.Int64
	for range 100 {
		wg.Go(func() {
			r, body := s.ask(http.MethodGet, "/")
			if body != "slow" {
				t.Errorf("got %q", body)
			}
			if r.Header.Get("X-Cache") == "MISS" {
				misses.Add(1)
			}
		})
	}
	eventually(t, "the handler runs", func() bool { return s.runs.Load() == 1 })
	close(gate)
	wg.Wait()
	if s.runs.Load() != 1 || misses.Load() != 1 {
		t.Errorf("%d runs, %d misses: want one of each", s.runs.Load(), misses.Load())
	}
}

// Pages that turn out not to be for the cache must not make their users wait for each other.
func TestUncacheablePagesDoNotQueue(t *testing.T) {
	t.Parallel()
	var together sync.WaitGroup
	together.Add(20)
	var s *site
	s = newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "private")
		w.WriteHeader(http.StatusOK)
		if s.runs.Load() > 1 {
			together.Done()
			together.Wait() // only if all are here at once
		}
	})
	s.saw("MISS", "", "/")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { s.saw("MISS", "", "/") })
	}
	wg.Wait()
}

func TestLongAndFlushedBodiesArePassedOn(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("x"), 3000)
	s := newSite(t, cache.PageConfig{MaxBody: 2048}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/flush" {
			fmt.Fprint(w, "one")
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, "two")
			return
		}
		_, _ = w.Write(long[:1500])
		_, _ = w.Write(long[1500:])
	})
	for range 2 {
		s.saw("MISS", string(long), "/long")
		s.saw("MISS", "onetwo", "/flush")
	}
}

func TestBinaryPagesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	binary := string([]byte{0x1f, 0x8b, 0, 255, 254})
	s := newSite(t, cache.PageConfig{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, binary)
	})
	s.saw("MISS", binary, "/")
	s.saw("HIT", binary, "/")
}

func TestPagesWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	r := newRig(t, server.Client(t), cache.Config{})
	server.Kill()
	handler := cache.Pages(r.Cache, cache.PageConfig{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "still here")
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusOK || w.Body.String() != "still here" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
