package gateway_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// loggerTo writes as producer serve does.
func loggerTo(w io.Writer) *slog.Logger {
	return slog.New(zerolog.NewSlogHandler(zerolog.New(w).Level(zerolog.DebugLevel)))
}

func TestRequestsAreLoggedWithoutSecrets(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	a.gets(202, ask{
		method: "POST", path: "/v1/queues/orders/jobs?token=s3cret-query", body: `{"kind":"debug.echo","data":"s3cret-body"}`,
		header: map[string]string{"X-Request-ID": "req-1", "Traceparent": trace, "Cookie": "x=s3cret-cookie"},
	})
	a.fails(401, "unauthorized", ask{method: "POST", path: "/login", body: `{"user":"alice","password":"s3cret-password"}`,
		anonymous: true})
	a.stop()
	var line struct {
		RequestID              string `json:"request_id"`
		Method, Path, Route    string
		Caller, Trace, Message string
		Status                 int
	}
	first, _, _ := strings.Cut(a.log.String(), "\n")
	a.must(json.Unmarshal([]byte(first), &line))
	if line.RequestID != "req-1" || line.Route != "POST /v1/queues/{queue}/jobs" || line.Status != 202 ||
		line.Caller != "key:all" ||
		line.Trace != trace || line.Path != "/v1/queues/orders/jobs" || line.Message != "request" {
		t.Errorf("got %s", first)
	}
	if text := a.log.String(); strings.Contains(text, "s3cret") || strings.Contains(text, a.key) {
		t.Errorf("a secret is in the log: %s", text)
	}
}
