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
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
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
		t.Run("another "+what, func(t *testing.T) {
			if w.Code != http.StatusUnprocessableEntity {
				t.Errorf("got %d, want 422", w.Code)
			}
			checkProblem(t, w)
		})
	}
	if runs.Load() != 1 || known != key {
		t.Errorf("%d runs, of %q, want one of %q", runs.Load(), known, key)
	}
}

func TestConcurrentRequestIsRefused(t *testing.T) {
	t.Parallel()
	inside, proceed := make(chan struct{}), make(chan struct{})
	h, key := app(t, idemhttp.Config{}, func(http.ResponseWriter, *http.Request) {
		close(inside) // a second run panics here
		<-proceed
	})
	first := make(chan *httptest.ResponseRecorder, 1)
	go func() { first <- send(h, "POST", "/", "", key) }()
	locktest.Receive(t, "the handler runs", inside)
	w := send(h, "POST", "/", "", key)
	if after := w.Header().Get("Retry-After"); w.Code != http.StatusConflict || after == "" || after == "0" {
		t.Errorf("got %d, Retry-After %q, want 409 and a time", w.Code, after)
	}
	checkProblem(t, w)
	close(proceed)
	if w := locktest.Receive(t, "the first answer", first); w.Code != http.StatusOK {
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
	h, key := app(t, idemhttp.Config{Required: true, MaxBody: 4}, func(http.ResponseWriter, *http.Request) {})
	long := strings.Repeat("a", 256)
	for name, test := range map[string]struct {
		method, body string
		keys         []string
		want         int
	}{
		"POST without a key":      {"POST", "", nil, http.StatusBadRequest},
		"PATCH without a key":     {"PATCH", "", nil, http.StatusBadRequest},
		"empty header":            {"POST", "", []string{""}, http.StatusBadRequest},
		"empty string":            {"POST", "", []string{`""`}, http.StatusBadRequest},
		"two headers":             {"POST", "", []string{"a", "b"}, http.StatusBadRequest},
		"256 bytes":               {"POST", "", []string{long}, http.StatusBadRequest},
		"bare key with a space":   {"POST", "", []string{"a b"}, http.StatusBadRequest},
		"bare key with a comma":   {"POST", "", []string{"a,b"}, http.StatusBadRequest},
		"no closing quote":        {"POST", "", []string{`"a`}, http.StatusBadRequest},
		"text after the string":   {"POST", "", []string{`"a"b`}, http.StatusBadRequest},
		"unknown escape":          {"POST", "", []string{`"a\b"`}, http.StatusBadRequest},
		"control character":       {"POST", "", []string{`"a` + "\x01" + `"`}, http.StatusBadRequest},
		"body over the limit":     {"POST", "12345", []string{key}, http.StatusRequestEntityTooLarge},
		"255 bytes":               {"POST", "", []string{long[1:]}, http.StatusOK},
		"escaped quote and slash": {"POST", "", []string{`"a\"b \\c"`}, http.StatusOK},
		"body of the limit":       {"POST", "1234", []string{key}, http.StatusOK},
		"GET without a key":       {"GET", "", nil, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			w := send(h, test.method, "/", test.body, test.keys...)
			if w.Code != test.want {
				t.Errorf("got %d, want %d", w.Code, test.want)
			}
			if w.Code != http.StatusOK {
				checkProblem(t, w)
			}
		})
	}
}

func TestTenantsMayUseTheSameKey(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	tenant := func(r *http.Request) string { return r.Header.Get("X-Tenant") }
	h, key := app(t, idemhttp.Config{Tenant: tenant}, func(http.ResponseWriter, *http.Request) { runs.Add(1) })
	for _, account := range []string{"", "a", "b", "a"} {
		r, w := httptest.NewRequest("POST", "/", strings.NewReader(account)), httptest.NewRecorder()
		r.Header.Set("Idempotency-Key", key)
		r.Header.Set("X-Tenant", account)
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("tenant %q: got %d, want 200", account, w.Code)
		}
	}
	if runs.Load() != 3 {
		t.Errorf("%d runs for three tenants", runs.Load())
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
