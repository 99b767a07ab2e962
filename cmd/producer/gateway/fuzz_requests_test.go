package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/redistest"
)

// Whatever is asked for, with whatever body, is answered, or refused with a problem that is the request's fault.
func FuzzRequests(f *testing.F) {
	g, err := gateway.New(gateway.Config{Redis: redistest.New(f).Client(f), Auth: gateway.Open{}, Shop: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = g.Close() })
	for _, seed := range [][4]string{
		{"POST", "/v1/queues/orders/jobs", "", `{"kind":"debug.echo","data":1,"id":"j-1","in":"1h"}`},
		{"POST", "/v1/queues/orders/jobs", "", `[{"kind":"debug.echo","data":1},{"kind":""}]`},
		{"GET", "/v1/queues/orders/jobs/dead:1-1", "", ""}, {"GET", "/v1/queues/a%20b/jobs/%00", "", ""},
		{"GET", "/v1/queues/orders/jobs/99999999999999999999-1", "", ""},
		{"POST", "/v1/orders", "", `{"order_id":"o-1","cents":1}`}, {"POST", "/v1/events", "", `{"event":"e"}`},
		{"GET", "/v1/flags/f", "user=u", ""}, {"GET", "/v1/leaderboards/b", "limit=1&first=-1", ""},
		{"GET", "/v1/leaderboards/b/around/m", "n=9e9", ""},
		{"POST", "/v1/leaderboards/b/scores", "", `{"changes":[{"member":"a","by":1e308},{"member":"a","by":1e308}]}`},
		{"POST", "/v1/notifications", "", `{"user":"u","type":"t","title":"a","body":"b"}`},
		{"POST", "/login", "", `{"user":"","password":"x"}`}, {"GET", "/session", "", ""},
		{"GET", "/pages/home", "a=%zz", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if method != http.MethodGet && method != http.MethodPost || strings.HasPrefix(path, "/v1/notifications") &&
			method == http.MethodGet { // a stream
			return
		}
		target, err := url.ParseRequestURI("http://localhost" + path)
		if err != nil {
			return
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost/", strings.NewReader(body))
		r.URL, r.URL.RawQuery = target, query
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s %q?%q %q: %d %s", method, path, query, body, w.Code, w.Body)
		}
		var problem struct{ Type, Title string }
		if w.Code >= http.StatusBadRequest &&
			(json.Unmarshal(w.Body.Bytes(), &problem) != nil || problem.Type == "" || problem.Title == "") {
			t.Errorf("%s %q?%q %q: %d %s", method, path, query, body, w.Code, w.Body)
		}
	})
}
