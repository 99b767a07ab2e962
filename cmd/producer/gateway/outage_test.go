package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
)

// serveDirect asks a handler without a connection, so that the host can be any.
func serveDirect(t *testing.T, handler http.Handler, host string, asked ask) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), asked.method, asked.path, strings.NewReader(asked.body))
	r.Host = host
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

// openStream holds a stream of jobs open until it is closed.
func (a *app) openStream() (*http.Response, func()) {
	a.Helper()
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(a.Context(), http.MethodPost, a.url+orderJobs, reader)
	a.must(err)
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("X-API-Key", a.key)
	go func() { _, _ = io.WriteString(writer, `{"kind":"debug.echo","data":1}`+"\n") }()
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	a.must(err)
	return response, func() {
		_ = writer.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}

func TestRedisDown(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Rate = 1000 })
	session := a.login()
	a.gets(200, ask{method: "GET", path: "/readyz"})
	a.server.Kill()
	for _, one := range right {
		if strings.HasPrefix(one.path, "/v1/flags") {
			continue
		}
		got := a.fails(503, "unavailable", one)
		if strings.Contains(string(got.body), a.server.Addr) {
			t.Errorf("%s tells where Redis is: %s", one.path, got.body)
		}
	}
	got := a.gets(503, right[0].with("Idempotency-Key", "k")) // idemhttp's own problem
	if got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("Retry-After") == "" {
		t.Errorf("got %s %v", got.body, got.header)
	}
	for _, one := range public[:5] {
		one.header = session
		a.fails(503, "unavailable", one)
	}
	a.fails(503, "unavailable", ask{method: "GET", path: "/readyz"})
	_, last := a.stream(`{"kind":"debug.echo","data":1}`)
	if last.Stopped == nil || !strings.HasSuffix(last.Stopped.Type, "#unavailable") || last.Failed != 1 {
		t.Errorf("got %+v", last)
	}
	many := a.fails(503, "unavailable",
		ask{method: "POST", path: orderJobs, body: `[{"kind":"debug.echo","data":1},{"kind":"no","data":1}]`})
	if got := decode[results](a, many); len(got.Results) != 2 || got.Results[0].Problem.Status != 503 ||
		got.Results[1].Problem.Status != 422 {
		t.Errorf("got %s", many.body)
	}

	// What does not need Redis goes on.
	if got := a.gets(200, ask{method: "GET", path: "/v1/flags/f"}); !strings.Contains(string(got.body), `"stale":true`) {
		t.Errorf("got %s", got.body)
	}
	for _, path := range []string{"/pages/home", "/openapi.json", "/healthz", "/assets/shop.css"} {
		a.gets(200, ask{method: "GET", path: path, anonymous: true})
	}

	a.must(a.server.Restart())
	a.eventually("back", func() bool { return a.do(right[0]).status == 202 })
}

// When Redis does not answer, nobody knows whether the job is there.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Retain = 0 })
	a.gets(202, right[0])
	a.must(a.rdb.Do(t.Context(), "CLIENT", "PAUSE", "60000", "WRITE").Err())
	got := a.fails(504, "unknown-outcome", right[0])
	if !strings.Contains(string(got.body), "Idempotency-Key") {
		t.Errorf("got %s", got.body)
	}
	a.must(a.rdb.Do(t.Context(), "CLIENT", "UNPAUSE").Err())
}

func TestFullRedis(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.gets(202, right[0])
	a.must(a.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	got := a.fails(503, "full", right[0])
	if got.header.Get("Retry-After") != "10" {
		t.Errorf("got %v", got.header)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.must(a.handler.StopStreams())
	a.fails(503, "stopping", ask{method: "GET", path: "/readyz"})
	a.gets(200, ask{method: "GET", path: "/healthz"})
	a.must(a.handler.Close())
	a.fails(503, "stopping", right[0])
}
