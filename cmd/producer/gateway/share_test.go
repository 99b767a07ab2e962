package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/internal/scope"
)

// callers lets in programs by a file of their own, which the function rewrites.
func callers(t *testing.T, grants map[string]string) (auth gateway.Auth, keys map[string]string, only func(...string)) {
	t.Helper()
	keys, lines := map[string]string{}, map[string]string{}
	for name, grant := range grants {
		key, line, err := credentials.NewSecret(credentials.Key, name, grant)
		if err != nil {
			t.Fatal(err)
		}
		keys[name], lines[name] = key, line
	}
	file := t.TempDir() + "/credentials"
	only = func(names ...string) {
		text := ""
		for _, name := range names {
			text += lines[name] + "\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := make([]string, 0, len(grants))
	for name := range grants {
		all = append(all, name)
	}
	only(all...)
	auth, err := gateway.ReadCredentials(file)
	if err != nil {
		t.Fatal(err)
	}
	return auth, keys, only
}

// openLines begins a stream of jobs. Its lines are written to the pipe.
func (a *app) openLines(key string) (*http.Response, *io.PipeWriter) {
	a.Helper()
	body, lines := io.Pipe()
	request, err := http.NewRequestWithContext(a.Context(), http.MethodPost, a.url+orderJobs, body)
	a.must(err)
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("X-API-Key", key)
	answered := make(chan *http.Response, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			close(answered)
			return
		}
		answered <- response
	}()
	_, err = lines.Write([]byte("{\"kind\":\"debug.echo\",\"data\":1}\n"))
	if err != nil { // it was refused
		response := <-answered
		return response, lines
	}
	return <-answered, lines
}

func TestSilentStreamsOfOneCallerLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	auth, keys, _ := callers(t, map[string]string{"greedy": "jobs:write", "other": "orders:write,jobs:write"})
	a := newApp(t, func(c *gateway.Config) { c.Auth, c.MaxInFlight = auth, 32 })
	taken, refused := 0, 0
	for range 40 {
		response, lines := a.openLines(keys["greedy"])
		defer lines.Close()
		defer response.Body.Close()
		switch response.StatusCode {
		case http.StatusOK:
			taken++
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Fatalf("got %d", response.StatusCode)
		}
	}
	if taken != 2 || refused != 38 { // of 32 requests, 8 are streams; one caller has 2 of them
		t.Errorf("%d streams were taken, %d refused", taken, refused)
	}
	order := ask{method: "POST", path: "/v1/orders", body: `{"order_id":"o-1","cents":1}`}
	a.gets(202, order.with("X-API-Key", keys["other"]))
	response, lines := a.openLines(keys["other"])
	defer lines.Close()
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("a stream of another caller got %d", response.StatusCode)
	}
}

func TestStreamEndsWithItsKey(t *testing.T) {
	t.Parallel()
	auth, keys, only := callers(t, map[string]string{"gone": "jobs:write", "stays": "jobs:write"})
	a := newApp(t, func(c *gateway.Config) { c.Auth = auth })
	response, lines := a.openLines(keys["gone"])
	defer response.Body.Close()
	answers := bufio.NewScanner(response.Body)
	next := func() (one lineAnswer) {
		if !answers.Scan() {
			t.Fatalf("the answer ended: %v", answers.Err())
		}
		a.must(json.Unmarshal(answers.Bytes(), &one))
		return one
	}
	if first := next(); first.ID == "" {
		t.Fatalf("got %+v", first)
	}
	only("stays")
	a.eventually("a line is refused", func() bool {
		_, _ = lines.Write([]byte("{\"kind\":\"debug.echo\",\"data\":1}\n"))
		one := next()
		if one.Stopped != nil && !strings.HasSuffix(one.Stopped.Type, "#unauthorized") {
			t.Fatalf("stopped by %+v", one.Stopped)
		}
		return one.Stopped != nil
	})
	_ = lines.Close()
}

func TestJobsOfAnArrayCountOneByOne(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Rate, c.Burst = 1, 10 })
	jobs := func(n int) ask {
		return ask{method: "POST", path: orderJobs, body: "[" + strings.Repeat(`{"kind":"debug.echo","data":1},`, n-1) +
			`{"kind":"debug.echo","data":1}]`}
	}
	a.fails(422, "invalid", jobs(11))
	a.gets(202, jobs(8))
	got := a.do(jobs(8))
	if got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	events := strings.Repeat(`{"event":"e"},`, 8)
	if got := a.do(ask{method: "POST", path: "/v1/events", body: "[" + events + `{"event":"e"}]`}); got.status != 429 {
		t.Errorf("events got %d", got.status)
	}
}

func TestStreamIsHeldToTheRate(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Rate, c.Burst = 40, 20 })
	began := time.Now()
	_, last := a.stream(strings.Repeat("{\"kind\":\"debug.echo\",\"data\":1}\n", 80))
	if took := time.Since(began); last.Enqueued != 80 || took < time.Second {
		t.Errorf("%d jobs took %s, at 40 a second", last.Enqueued, took)
	}
}

func TestKeysAreLimitedToQueues(t *testing.T) {
	t.Parallel()
	auth, keys, _ := callers(t, map[string]string{
		"shop": "jobs:write:orders*,jobs:read:orders", "reader": "jobs:read:mail",
	})
	a := newApp(t, func(c *gateway.Config) { c.Auth = auth })
	for _, test := range []struct {
		key, method, queue string
		want               int
	}{
		{"shop", "POST", "orders", 202}, {"shop", "POST", "orders-eu", 202}, {"shop", "POST", "mail", 403},
		{"shop", "POST", "order", 403}, {"reader", "POST", "mail", 403},
		{"shop", "GET", "orders", 404}, {"shop", "GET", "orders-eu", 403}, {"reader", "GET", "mail", 404},
	} {
		one := ask{method: test.method, path: "/v1/queues/" + test.queue + "/jobs"}
		if test.method == "GET" {
			one.path += "/x"
		} else {
			one.body = `{"kind":"debug.echo","data":1}`
		}
		if got := a.do(one.with("X-API-Key", keys[test.key])); got.status != test.want {
			t.Errorf("%v got %d: %s", test, got.status, got.body)
		}
	}
	for _, bad := range []string{"jobs:write:", "jobs:write:a b", "jobs:write:*", "jobs:write:a*b",
		"orders:write:x", "jobs"} {
		if scopes, err := scope.Parse([]string{bad}); err == nil {
			t.Errorf("%q was taken as %v", bad, scopes)
		}
	}
}

func TestOneCallerBeginsFewQueues(t *testing.T) {
	t.Parallel()
	auth, keys, _ := callers(t, map[string]string{"greedy": "jobs:write", "other": "jobs:write"})
	a := newApp(t, func(c *gateway.Config) { c.Auth = auth })
	job := func(queue, caller string) ask {
		return ask{method: "POST", path: "/v1/queues/" + queue + "/jobs", body: `{"kind":"debug.echo","data":1}`}.
			with("X-API-Key", keys[caller])
	}
	for n := range 100 {
		a.gets(202, job(fmt.Sprint("junk-", n), "greedy"))
	}
	got := a.do(job("junk-100", "greedy"))
	if got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	a.gets(202, job("junk-7", "greedy"))
	a.gets(202, job("orders", "other"))
	a.gets(202, job("orders", "greedy"))
}

func TestLoginBodiesAreSmall(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.fails(413, "too-large", ask{method: "POST", path: "/login", body: `{"user":"` + strings.Repeat("a", 5000) + `"}`})
}
