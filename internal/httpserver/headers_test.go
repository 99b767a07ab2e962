package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/navvy-go/navvy/internal/httpserver"
)

func TestEveryAnswerRestrictsBrowsers(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "private")
		w.Header().Set("Content-Security-Policy", "script-src 'self'")
	})
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("text")) })
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	handler := httpserver.Guard(true, httpserver.CheckHost([]string{"a.example"}, mux))
	for _, c := range []struct {
		method, url string
		status      int
		cache       string
	}{
		{"GET", "https://a.example/page", 200, "private"},
		{"GET", "https://a.example/plain", 200, "no-store"},
		{"GET", "https://a.example/broken", 500, "no-store"},
		{"GET", "https://a.example/absent", 404, "no-store"},
		{"POST", "https://a.example/page", 405, "no-store"},
		{"GET", "https://evil.example/page", 421, "no-store"},
		{"GET", "https://evil.example/healthz", 404, "no-store"},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.url, nil))
		if w.Code != c.status || w.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s %s: status %d, Cache-Control %q", c.method, c.url, w.Code, w.Header().Get("Cache-Control"))
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s %q, want %q", c.method, c.url, name, got, want)
			}
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: no Content-Security-Policy", c.method, c.url)
		}
	}
}

// Browsers that come to https alone would reach no other program on the loopback.
func TestHTTPSIsNotDemandedOfTheLoopback(t *testing.T) {
	t.Parallel()
	for url, https := range map[string]bool{
		"http://localhost:8090/": true, "https://127.0.0.1/": true, "http://[::1]/": true, "http://a.example/": false,
	} {
		w := httptest.NewRecorder()
		httpserver.Guard(https, http.NotFoundHandler()).ServeHTTP(w,
			httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
		if got := w.Header().Get("Strict-Transport-Security"); got != "" {
			t.Errorf("%s, https %t: %s", url, https, got)
		}
	}
}
