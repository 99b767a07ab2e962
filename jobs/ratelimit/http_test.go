package ratelimit_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// app is a handler behind a limit of three requests a minute for each value of the X-Key header.
func app(limiter *ratelimit.Limiter, policy string) http.Handler {
	key := func(r *http.Request) string { return r.Header.Get("X-Key") }
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return ratelimit.Middleware(limiter, ratelimit.HTTP{Key: key, Policy: policy})(ok)
}

func get(handler http.Handler, key string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	r.Header.Set("X-Key", key)
	handler.ServeHTTP(w, r)
	return w
}

func TestMiddlewareTellsAndRefuses(t *testing.T) {
	t.Parallel()
	limiter := newLimiter(t, redistest.Shared(t).Client(t), ratelimit.Limit{Rate: 3, Window: time.Minute})
	handler, key := app(limiter, `burst "a"`), redistest.Namespace()
	for i := range 5 {
		w, refused := get(handler, key), i >= 3
		remaining := strconv.Itoa(max(2-i, 0))
		for header, want := range map[string]string{
			"X-RateLimit-Limit":     `3`,
			"X-RateLimit-Remaining": remaining,
			"X-RateLimit-Reset":     `\d{10}`,
			"RateLimit-Policy":      `"burst \\"a\\"";q=3;w=60`,
			"RateLimit":             `"burst \\"a\\"";r=` + remaining + `;t=[1-6]\d`,
			"Retry-After":           map[bool]string{true: `[1-6]\d`, false: ``}[refused],
		} {
			if got := w.Header().Get(header); !regexp.MustCompile("^" + want + "$").MatchString(got) {
				t.Errorf("request %d: %s: %s, want %s", i, header, got, want)
			}
		}
		reset, _ := strconv.ParseInt(w.Header().Get("X-RateLimit-Reset"), 10, 64)
		if time.Until(time.Unix(reset, 0)) > 62*time.Second {
			t.Errorf("reset at %d, more than a minute from now", reset)
		}
		if want := map[bool]int{true: http.StatusTooManyRequests, false: http.StatusNoContent}[refused]; w.Code != want {
			t.Errorf("request %d: %d, want %d", i, w.Code, want)
		}
		if refused {
			checkBody(t, w)
		}
	}
	if w := get(handler, ""); w.Code != http.StatusNoContent || w.Header().Get("RateLimit") != "" {
		t.Errorf("a request without a key: %d %v", w.Code, w.Header())
	}
	if w := get(handler, strings.Repeat("k", 2000)); w.Code != http.StatusBadRequest {
		t.Errorf("a long key: %d", w.Code)
	}
}

// checkBody compares the body with the header that says the same.
func checkBody(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	after, _ := strconv.ParseFloat(w.Header().Get("Retry-After"), 64)
	if len(body) != 2 || body["error"] != "Rate limit exceeded" || body["retry_after"] != after {
		t.Errorf("body %s, Retry-After %v", w.Body, after)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type: %s", got)
	}
}

func TestMiddlewareWithoutRedis(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{false, true} {
		rdb := redistest.Shared(t).Client(t)
		_ = rdb.Close()
		limiter, err := ratelimit.New(rdb, ratelimit.Limit{Rate: 3, Window: time.Minute}, ratelimit.Options{FailOpen: open})
		if err != nil {
			t.Fatal(err)
		}
		w := get(app(limiter, ""), "k")
		want := map[bool]int{true: http.StatusNoContent, false: http.StatusServiceUnavailable}[open]
		if w.Code != want || w.Header().Get("X-RateLimit-Remaining") != "" || !open && w.Header().Get("Retry-After") != "1" {
			t.Errorf("fail open %t: %d %v", open, w.Code, w.Header())
		}
	}
}

func TestRefusalsMayBeWrittenByTheApp(t *testing.T) {
	t.Parallel()
	limiter := newLimiter(t, redistest.Shared(t).Client(t), ratelimit.Limit{Rate: 1, Window: time.Minute})
	key := redistest.Namespace()
	handler := ratelimit.Middleware(limiter, ratelimit.HTTP{
		Key: func(*http.Request) string { return key },
		Refuse: func(w http.ResponseWriter, r *http.Request, status int) {
			http.Error(w, r.URL.Path+" is too much", status)
		},
	})(http.NotFoundHandler())
	if w := get(handler, ""); w.Code != http.StatusNotFound {
		t.Errorf("the first: %d", w.Code)
	}
	w := get(handler, "")
	if w.Code != http.StatusTooManyRequests || w.Body.String() != "/ is too much\n" ||
		w.Header().Get("Retry-After") == "" ||
		w.Header().Get("RateLimit") == "" {
		t.Errorf("the second: %d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestWindowsOfLessThanASecondAreNotTold(t *testing.T) {
	t.Parallel()
	limit := ratelimit.Limit{Algorithm: ratelimit.GCRA, Rate: 3, Window: 1500 * time.Millisecond, Burst: 7}
	w := get(app(newLimiter(t, redistest.Shared(t).Client(t), limit), ""), redistest.Namespace())
	if got := w.Header().Get("RateLimit-Policy"); got != `"default";q=3` {
		t.Errorf("RateLimit-Policy: %s", got)
	}
	if got := w.Header().Get("RateLimit"); got != `"default";r=6;t=1` {
		t.Errorf("RateLimit: %s", got)
	}
}

func TestClientIP(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:1234":              "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":     "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1234": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1234":         "fe80::/64",
		"@":                           "@",
		"not-an-address:1":            "not-an-address",
		"192.0.2.7":                   "192.0.2.7",
	} {
		if got := ratelimit.ClientIP(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s: got %s, want %s", remote, got, want)
		}
	}
}
