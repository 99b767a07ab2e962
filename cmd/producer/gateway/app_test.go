package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/httpserver"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisurl"
	"github.com/navvy-go/navvy/internal/scope"
	"github.com/navvy-go/navvy/internal/testserver"
)

const patience = time.Minute

// Alice's password, hashed cheaply.
const (
	alicesPassword = "correct horse"
	alicesHash     = "$2a$04$nyg/SET.KaVpHsZHN1z2F.b21PYIPPwhdJKrgcLseajuTFZ2uew.y"
)

// app is a gateway on a port, with a Redis of its own. Each of its answers is held against the OpenAPI document.
type app struct {
	*testing.T
	url       string
	server    *redistest.Server
	rdb       redis.UniversalClient
	key       string // of a program that may do everything
	weak      string // of one that may read flags, and of one that may not
	weaker    string
	scopeKeys map[scope.Scope]string // of programs that may do one thing
	log       *testserver.Output
	stop      func()

	handler *gateway.Gateway
}

func newApp(t *testing.T, change ...func(*gateway.Config)) *app {
	t.Helper()
	return appOn(t, redistest.New(t), change...)
}

// appOn is a gateway on a Redis that others may use too.
func appOn(t *testing.T, server *redistest.Server, change ...func(*gateway.Config)) *app {
	t.Helper()
	rdb, err := redisurl.Open(server.URL())
	a := &app{T: t, server: server, rdb: rdb, log: &testserver.Output{}}
	a.must(err)
	t.Cleanup(func() { _ = rdb.Close() })
	file := a.credentials()
	read, err := gateway.ReadCredentials(file)
	a.must(err)
	cfg := gateway.Config{
		Redis: rdb, Auth: read, Users: read, Kinds: []string{"payment.charge", "debug.echo", "debug.fail"},
		Shop: true, Retain: time.Hour, Keys: [][]byte{bytes.Repeat([]byte("k"), 32)}, Logger: loggerTo(a.log),
	}
	for _, f := range change {
		f(&cfg)
	}
	handler, err := gateway.New(cfg)
	a.must(err)
	a.listen(handler)
	return a
}

// listen serves the gateway as the program does, until stop is called or the test ends.
func (a *app) listen(handler *gateway.Gateway) {
	a.Helper()
	a.handler = handler
	listener, err := (&net.ListenConfig{}).Listen(a.Context(), "tcp", "127.0.0.1:0")
	a.must(err)
	a.url = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := httpserver.Serve(ctx, listener, httpserver.Config{Handler: handler, EndStreams: handler.StopStreams})
		ended <- errors.Join(err, handler.Close())
	}()
	stopped := false
	a.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			a.Errorf("stop: %v", err)
		}
	}
	a.Cleanup(a.stop)
}

// credentials writes the file of a program that may do everything, of two weak ones, and of Alice.
func (a *app) credentials() string {
	a.Helper()
	var lines []string
	add := func(name string, scopes ...scope.Scope) string {
		grant := strings.ReplaceAll(strings.Trim(fmt.Sprint(scopes), "[]"), " ", ",")
		key, line, err := credentials.NewSecret(credentials.Key, name, grant)
		a.must(err)
		lines = append(lines, line)
		return key
	}
	a.key, a.weak, a.weaker = add("all", scope.All...), add("weak", scope.FlagsRead), add("weaker",
		scope.JobsRead)
	a.scopeKeys = map[scope.Scope]string{}
	for i, one := range scope.All {
		a.scopeKeys[one] = add(fmt.Sprintf("scope-%d", i), one)
	}
	lines = append(lines, "password alice "+alicesHash, "")
	file := filepath.Join(a.TempDir(), "credentials")
	a.must(os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
	return file
}

func (a *app) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// ask is a request. The key is that of the program that may do everything, unless it has a header of its own for it.
type ask struct {
	method, path string
	body         string
	header       map[string]string
	anonymous    bool // without a key
}

// answer is what came of it.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do asks, and checks the answer against the document.
func (a *app) do(asked ask) answer {
	a.Helper()
	response := a.open(a.Context(), asked)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a.must(err)
	got := answer{response.StatusCode, response.Header, body}
	response.Body = io.NopCloser(bytes.NewReader(body))
	a.checkDocumented(response)
	return got
}

// open asks, and leaves the answer's body to be read.
func (a *app) open(ctx context.Context, asked ask) *http.Response {
	a.Helper()
	request, err := http.NewRequestWithContext(ctx, asked.method, a.url+asked.path, strings.NewReader(asked.body))
	a.must(err)
	if asked.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if !asked.anonymous {
		request.Header.Set("X-API-Key", a.key)
	}
	for name, value := range asked.header {
		request.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	a.must(err)
	return response
}

// gets asks and checks the status.
func (a *app) gets(status int, asked ask) answer {
	a.Helper()
	got := a.do(asked)
	if got.status != status {
		a.Errorf("%s %s: %d %s, want %d", asked.method, asked.path, got.status, got.body, status)
	}
	return got
}

// fails asks and checks that the answer is a problem of that name, and says which request it is about.
func (a *app) fails(status int, name string, asked ask) answer {
	a.Helper()
	got := a.gets(status, asked)
	var p struct {
		Type, Title, Detail, Instance string
		Status                        int
		RequestID                     string `json:"request_id"`
	}
	if kind := got.header.Get("Content-Type"); kind != "application/problem+json" || json.Unmarshal(got.body, &p) != nil {
		a.Errorf("%s %s: %s %s, want a problem", asked.method, asked.path, kind, got.body)
		return got
	}
	path, _, _ := strings.Cut(asked.path, "?")
	if !strings.HasSuffix(p.Type, "/docs/gateway.md#"+name) || p.Status != status || p.Title == "" || p.Detail == "" ||
		p.Instance != path || p.RequestID == "" || p.RequestID != got.header.Get("X-Request-ID") {
		a.Errorf("%s %s: %s, want a problem %s", asked.method, asked.path, got.body, name)
	}
	if wait := got.header.Get("Retry-After"); (status == 503 || status == 429 || status == 504) && wait == "" {
		a.Errorf("%s %s: no Retry-After", asked.method, asked.path)
	}
	return got
}

// decode reads an answer's body.
func decode[T any](a *app, got answer) (value T) {
	a.Helper()
	if err := json.Unmarshal(got.body, &value); err != nil {
		a.Errorf("%s: %v", got.body, err)
	}
	return value
}

// login returns a header with the cookie of a session of Alice.
func (a *app) login() map[string]string {
	a.Helper()
	got := a.gets(200, ask{method: "POST", path: "/login", body: `{"user":"alice","password":"` + alicesPassword + `"}`,
		anonymous: true})
	cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
	if !strings.HasPrefix(cookie, "__Host-session=") {
		a.Fatalf("cookie %q", cookie)
	}
	return map[string]string{"Cookie": cookie}
}

// eventually polls until something is so.
func (a *app) eventually(what string, is func() bool) {
	a.Helper()
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			a.Fatalf("never %s", what)
		}
	}
}
