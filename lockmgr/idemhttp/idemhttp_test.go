package idemhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/idemhttp"
)

func TestMain(m *testing.M) {
	code := redistest.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// app returns a handler behind the middleware, and a key that no other test has.
func app(t *testing.T, config idemhttp.Config, handler http.HandlerFunc) (http.Handler, string) {
	t.Helper()
	locks := lockmgr.New(redistest.Shared(t).Client(t))
	t.Cleanup(locks.Close)
	return idemhttp.Middleware(locks, config)(handler), redistest.Namespace()
}

func send(h http.Handler, method, path, body string, keys ...string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(method, path, strings.NewReader(body)), httptest.NewRecorder()
	for _, key := range keys {
		r.Header.Add("Idempotency-Key", key)
	}
	h.ServeHTTP(w, r)
	return w
}

func TestRepeatedRequestIsReplayed(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	var known string
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, r *http.Request) {
		known = idemhttp.Key(r.Context())
		body, _ := io.ReadAll(r.Body)
		w.Header().Add("X-Order", "a")
		w.Header().Add("X-Order", "b")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "run %d of %s", runs.Add(1), body)
	})
	for i, spelled := range []string{key, `"` + key + `"`, `"` + key + `";p=1`} {
		w := send(h, "POST", "/orders", "{}", spelled)
		if w.Code != http.StatusCreated || w.Body.String() != "run 1 of {}" || len(w.Header()["X-Order"]) != 2 {
			t.Errorf("answer %d: %d %q %v", i, w.Code, w.Body, w.Header())
		}
		if replayed := w.Header().Get("Idempotency-Replayed") == "true"; replayed != (i > 0) {
			t.Errorf("answer %d: replayed %t", i, replayed)
		}
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"body":   send(h, "POST", "/orders", "[]", key),
		"path":   send(h, "POST", "/refunds", "{}", key),
		"query":  send(h, "POST", "/orders?a", "{}", key),
		"method": send(h, "PATCH", "/orders", "{}", key),
	} {
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("another %s: got %d, want 422", what, w.Code)
		}
		checkProblem(t, w)
	}
	if runs.Load() != 1 || known != key {
		t.Errorf("%d runs, of %q, want one of %q", runs.Load(), known, key)
	}
}

func TestConcurrentRequestIsTurnedAway(t *testing.T) {
	t.Parallel()
	inside, proceed := make(chan struct{}), make(chan struct{})
	h, key := app(t, idemhttp.Config{}, func(http.ResponseWriter, *http.Request) {
		close(inside) // a second run panics here
		<-proceed
	})
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- send(h, "POST", "/", "", key) }()
	<-inside
	w := send(h, "POST", "/", "", key)
	if after := w.Header().Get("Retry-After"); w.Code != http.StatusConflict || after == "" || after == "0" {
		t.Errorf("got %d, Retry-After %q, want 409 and a time", w.Code, after)
	}
	checkProblem(t, w)
	close(proceed)
	if w := <-first; w.Code != http.StatusOK {
		t.Errorf("the first: %d", w.Code)
	}
}

func TestServerErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		if runs.Add(1) == 1 {
			http.Error(w, "later", http.StatusBadGateway)
		}
	})
	for _, want := range []int{http.StatusBadGateway, http.StatusOK, http.StatusOK} {
		if w := send(h, "POST", "/", "", key); w.Code != want {
			t.Errorf("got %d %q, want %d", w.Code, w.Body, want)
		}
	}
	if runs.Load() != 2 {
		t.Errorf("%d runs, want 2", runs.Load())
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	tenant := func(r *http.Request) string { return r.Header.Get("X-Tenant") }
	h, key := app(t, idemhttp.Config{Required: true, MaxBody: 4, Tenant: tenant}, func(http.ResponseWriter, *http.Request) {})
	for _, test := range []struct {
		method, body string
		keys         []string
		want         int
	}{
		{"POST", "", nil, http.StatusBadRequest},
		{"POST", "", []string{""}, http.StatusBadRequest},
		{"POST", "", []string{`""`}, http.StatusBadRequest},
		{"POST", "", []string{"a", "b"}, http.StatusBadRequest},
		{"POST", "", []string{strings.Repeat("a", 256)}, http.StatusBadRequest},
		{"POST", "", []string{"a b"}, http.StatusBadRequest},
		{"POST", "", []string{"a,b"}, http.StatusBadRequest},
		{"POST", "", []string{`"a`}, http.StatusBadRequest},
		{"POST", "", []string{`"a"b`}, http.StatusBadRequest},
		{"POST", "", []string{`"a\b"`}, http.StatusBadRequest},
		{"POST", "", []string{`"a` + "\x01" + `"`}, http.StatusBadRequest},
		{"PATCH", "", nil, http.StatusBadRequest},
		{"POST", "", []string{`"a\"b \\c"`}, http.StatusOK},
		{"POST", "12345", []string{key}, http.StatusRequestEntityTooLarge},
		{"POST", "1234", []string{key}, http.StatusOK},
		{"GET", "", nil, http.StatusOK},
	} {
		if w := send(h, test.method, "/", test.body, test.keys...); w.Code != test.want {
			t.Errorf("%s %q %q: got %d, want %d", test.method, test.body, test.keys, w.Code, test.want)
		} else if w.Code != http.StatusOK {
			checkProblem(t, w)
		}
	}
	r, w := httptest.NewRequest("POST", "/", strings.NewReader("5678")), httptest.NewRecorder()
	r.Header.Set("Idempotency-Key", key)
	r.Header.Set("X-Tenant", "another")
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("another tenant with the same key: got %d, want 200", w.Code)
	}
}

func TestNoRedisIsUnavailable(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	_ = rdb.Close()
	h := idemhttp.Middleware(lockmgr.New(rdb), idemhttp.Config{})(http.NotFoundHandler())
	if w := send(h, "POST", "/", "", "k"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", w.Code)
	}
}
