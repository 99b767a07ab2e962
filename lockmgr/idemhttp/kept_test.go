package idemhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/lockmgr/idemhttp"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

func TestOnlyWhatWasCarriedOutIsKept(t *testing.T) {
	t.Parallel()
	for status := 200; status < 600; status++ {
		if http.StatusText(status) == "" {
			continue
		}
		for _, final := range []bool{false, true} {
			runs := 0
			h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, r *http.Request) {
				runs++
				if final {
					idemhttp.Final(r.Context())
				}
				w.WriteHeader(status)
			})
			for range 2 {
				if w := send(h, "POST", "/", "", key); w.Code != status {
					t.Errorf("%d: answered %d", status, w.Code)
				}
			}
			if kept := runs == 1; kept != (status < 300 || final) {
				t.Errorf("%d, final %t: %d runs", status, final, runs)
			}
		}
	}
	idemhttp.Final(t.Context()) // without a request it does nothing
}

// ask sends a request with headers "Name: value".
func ask(h http.Handler, key string, headers ...string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest("POST", "/", strings.NewReader("{}")), httptest.NewRecorder()
	r.Header.Set("Idempotency-Key", key)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	h.ServeHTTP(w, r)
	return w
}

// whose is a handler that says whose answer this is, in a cookie as well.
func whose(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key") + r.Header.Get("Cookie") + r.Header.Get("X-Tenant")
	http.SetCookie(w, &http.Cookie{Name: "session", Value: "of-" + name[max(0, len(name)-3):]})
	_, _ = io.WriteString(w, "for "+name)
}

func TestNobodyGetsTheAnswerToSomebodyElse(t *testing.T) {
	t.Parallel()
	tenant := func(r *http.Request) string { return r.Header.Get("X-Tenant") }
	for name, test := range map[string]struct {
		config   idemhttp.Config
		ada, bob string
		want     int // for bob
	}{
		"tokens":            {idemhttp.Config{}, "Authorization: Bearer ada", "Authorization: Bearer bob", 200},
		"API keys":          {idemhttp.Config{}, "X-API-Key: ada", "X-API-Key: bob", 200},
		"token and none":    {idemhttp.Config{}, "Authorization: Bearer ada", "X-Nothing: x", 200},
		"tenants":           {idemhttp.Config{Tenant: tenant}, "X-Tenant: ada", "X-Tenant: bob", 200},
		"tenant and token":  {idemhttp.Config{Tenant: tenant}, "X-Tenant: ada", "Authorization: Bearer bob", 200},
		"long tenants":      {idemhttp.Config{Tenant: tenant}, "X-Tenant: " + long("ada"), "X-Tenant: " + long("bob"), 200},
		"cookies":           {idemhttp.Config{}, "Cookie: a=ada", "Cookie: a=bob", 422},
		"cookie and none":   {idemhttp.Config{}, "Cookie: a=ada", "X-Nothing: x", 422},
		"a tenant's own":    {idemhttp.Config{Tenant: tenant}, "Cookie: a=ada", "Cookie: a=bob", 422},
		"cookies and token": {idemhttp.Config{}, "Cookie: a=ada", "Authorization: Bearer bob", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, key := app(t, test.config, whose)
			first, bob, again := ask(h, key, test.ada), ask(h, key, test.bob), ask(h, key, test.ada)
			if bob.Code != test.want || strings.Contains(bob.Body.String()+bob.Header().Get("Set-Cookie"), "ada") {
				t.Errorf("bob got %d %q %v", bob.Code, bob.Body, bob.Header())
			}
			if again.Body.String() != first.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" ||
				again.Header().Get("Set-Cookie") != first.Header().Get("Set-Cookie") {
				t.Errorf("ada got %q %v, and then %q %v", first.Body, first.Header(), again.Body, again.Header())
			}
		})
	}
}

func long(text string) string { return strings.Repeat("jwt.", 300) + text }

// All callers without anything that distinguishes them are one, and none of them gets a cookie of another.
func TestUnknownCallersGetNoCookieOfAnother(t *testing.T) {
	t.Parallel()
	h, key := app(t, idemhttp.Config{}, whose)
	first, again := ask(h, key), ask(h, key)
	if first.Header().Get("Set-Cookie") == "" || again.Header().Get("Set-Cookie") != "" || again.Code != http.StatusOK {
		t.Errorf("first %v, then %d %v", first.Header(), again.Code, again.Header())
	}
}

func TestTrailersAreReplayed(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"declared": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum, X-Unused")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("X-Sum", "42")
		},
		"undeclared": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "body")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "42")
		},
		"flushed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set("X-Sum", "42")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, key := app(t, idemhttp.Config{}, handler)
			server := httptest.NewServer(h)
			t.Cleanup(server.Close)
			for try := range 2 {
				r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader(""))
				locktest.Must(t, err)
				r.Header.Set("Idempotency-Key", key)
				w, err := server.Client().Do(r)
				locktest.Must(t, err)
				body, err := io.ReadAll(w.Body)
				locktest.Must(t, err)
				_ = w.Body.Close()
				if w.Trailer.Get("X-Sum") != "42" || string(body) != "body" || w.Header.Get("X-Sum") != "" {
					t.Errorf("try %d: %q, trailers %v, headers %v", try, body, w.Trailer, w.Header)
				}
			}
		})
	}
}

// Headers that middleware outside sets are its own for each request; the handler may override them, as without this.
func TestHeadersOfOthersAreNotKept(t *testing.T) {
	t.Parallel()
	inner, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Set-Cookie", "handler=1")
		w.Header().Del("X-Frame-Options")
		fmt.Fprint(w, "a,b")
	})
	var requests atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		for name, value := range map[string]string{
			"X-Request-Id": fmt.Sprint(n), "Content-Type": "application/json", "Vary": "Origin",
			"Set-Cookie": fmt.Sprintf("outer=%d", n),
		} {
			w.Header().Set(name, value)
		}
		inner.ServeHTTP(w, r)
	})
	for try := 1; try <= 2; try++ {
		got := ask(h, key, "Authorization: Bearer a").Result()
		for name, want := range map[string]string{
			"X-Request-Id": fmt.Sprint(try), "Content-Type": "text/csv",
			"Set-Cookie": fmt.Sprintf("outer=%d|handler=1", try),
		} {
			if value := strings.Join(got.Header.Values(name), "|"); value != want {
				t.Errorf("try %d: %s: %s, want %s", try, name, value, want)
			}
		}
		if vary := strings.Join(got.Header.Values("Vary"), ","); !strings.Contains(vary, "Origin") ||
			!strings.Contains(vary, "Accept") {
			t.Errorf("try %d: Vary: %s", try, vary)
		}
	}
}

// An answer in the place of the handler's has none of its headers.
func TestARefusalHasNoHeadersOfTheHandler(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/orders/1")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "x"})
		rdb.HSet(r.Context(), "once:http::"+r.Header.Get("Idempotency-Key"), "owner", "another")
	})
	w := send(h, "POST", "/", "", key)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Location")+w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A client is to come back soon after a short while, and less often where it takes long; by the lease's end at last.
func TestRetryAfterGrowsWithTheWork(t *testing.T) {
	t.Parallel()
	inside, proceed := make(chan struct{}), make(chan struct{})
	rdb := redistest.Shared(t).Client(t)
	h, key := app(t, idemhttp.Config{Options: []lockmgr.Option{lockmgr.TTL(20 * time.Second)}},
		func(http.ResponseWriter, *http.Request) { close(inside); <-proceed })
	first := make(chan *httptest.ResponseRecorder, 1)
	go func() { first <- send(h, "POST", "/", "", key) }()
	locktest.Receive(t, "the handler runs", inside)
	name := "once:http::" + key
	began, err := rdb.HGet(t.Context(), name, "token").Int64()
	locktest.Must(t, err)
	for _, test := range []struct {
		ago time.Duration
		min string
	}{{0, "1"}, {8 * time.Second, "9"}, {time.Hour, "20"}} {
		locktest.Must(t, rdb.HSet(t.Context(), name, "token", began-test.ago.Microseconds()).Err())
		if after := send(h, "POST", "/", "", key).Header().Get("Retry-After"); after != test.min {
			t.Errorf("running for %s: Retry-After %s, want %s", test.ago, after, test.min)
		}
	}
	locktest.Must(t, rdb.HSet(t.Context(), name, "token", began).Err())
	close(proceed)
	locktest.Receive(t, "the first answer", first)
}
