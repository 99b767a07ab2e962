package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr"
)

// right is a good request to each route that programs call.
var right = []ask{
	{method: "POST", path: orderJobs, body: `{"kind":"debug.echo","data":1}`},
	{method: "GET", path: orderJobs + "/j-1"},
	{method: "POST", path: "/v1/orders", body: `{"order_id":"o-1","cents":1999}`},
	{method: "POST", path: "/orders", body: `{"order_id":"o-2","cents":1999}`},
	{method: "POST", path: "/v1/events",
		body: `{"event":"page_view","user_id":"u-1","timestamp":1700000000.5,"metadata":{"page":"/"}}`},
	{method: "POST", path: "/events", body: `{"event":"page_view"}`},
	{method: "GET", path: "/v1/flags/checkout?user=u-1"},
	{method: "GET", path: "/v1/leaderboards/sales"},
	{method: "GET", path: "/v1/leaderboards/sales/around/ada"},
	{method: "POST", path: "/v1/leaderboards/sales/scores", body: `{"changes":[{"member":"ada","score":7}]}`},
	{method: "POST", path: "/v1/notifications", body: `{"user":"alice","type":"order","title":"Paid","body":"o-1"}`},
}

// public are those that need no key.
var public = []ask{
	{method: "GET", path: "/v1/notifications", anonymous: true},
	{method: "POST", path: "/login", body: `{"user":"alice","password":"correct horse"}`, anonymous: true},
	{method: "POST", path: "/logout", anonymous: true},
	{method: "POST", path: "/logout-everywhere", anonymous: true},
	{method: "GET", path: "/session", anonymous: true},
	{method: "GET", path: "/pages/home", anonymous: true},
	{method: "GET", path: "/assets/account.js", anonymous: true},
	{method: "GET", path: "/openapi.json", anonymous: true},
}

func posts(all []ask) (posts []ask) {
	for _, one := range all {
		if one.body != "" {
			posts = append(posts, one)
		}
	}
	return posts
}

// with adds a header to a request.
func (q ask) with(name, value string) ask {
	header := map[string]string{}
	maps.Copy(header, q.header)
	header[name] = value
	q.header = header
	return q
}

func TestNoKeyAndWrongKey(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, one := range right {
		none := one
		none.anonymous = true
		got := a.fails(401, "unauthorized", none)
		if got.header.Get("WWW-Authenticate") != `Bearer realm="navvy"` {
			t.Errorf("%s: %v", one.path, got.header)
		}
		a.fails(401, "unauthorized", one.with("X-API-Key", "navvy_wrong"))
		a.fails(401, "unauthorized", none.with("Authorization", "Bearer navvy_wrong"))
		a.fails(401, "unauthorized", none.with("Authorization", "Basic "+a.key))
		key := a.weak
		if strings.HasPrefix(one.path, "/v1/flags") {
			key = a.weaker
		}
		got = a.fails(403, "forbidden", one.with("X-API-Key", key))
		if !strings.Contains(got.header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
			t.Errorf("%s: %v", one.path, got.header)
		}
	}
	if n, err := a.rdb.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys, %v", n, err)
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.MaxBody = 1000 })
	for _, one := range append(posts(right), public[1]) {
		bad := one
		bad.body = `{"kind": oops`
		a.fails(400, "bad-request", bad)
		bad.body = `{"a":1} {"b":2}`
		a.fails(400, "bad-request", bad)
		bad.body = `{"kind":"debug.echo","data":"` + strings.Repeat("x", 1000) + `"}`
		a.fails(413, "too-large", bad)
		a.fails(415, "unsupported-media-type", one.with("Content-Type", "text/plain"))
		bad.body = `{"surprise":1}`
		a.fails(422, "invalid", bad)
	}
	for path, body := range map[string]string{
		"/orders":                         `{"order_id":"o-1","cents":0}`,
		"/v1/orders":                      `{"order_id":"","cents":5}`,
		"/v1/leaderboards/sales/scores":   `{"changes":[{"member":"a","score":1,"by":1}]}`,
		"/v1/leaderboards/a%7Bb/scores":   `{"changes":[{"member":"a","score":1}]}`,
		"/v1/notifications":               `{"user":"u","type":""}`,
		"/v1/events":                      `{"event":"","user_id":"u"}`,
		"/v1/leaderboards/sales2/scores":  `{"changes":[]}`,
		"/v1/queues/orders/jobs?unused=1": `{"kind":"debug.echo","data":1,"retain":5}`,
	} {
		a.gets(422, ask{method: "POST", path: path, body: body})
	}
	for _, path := range []string{
		"/v1/leaderboards/sales?limit=0", "/v1/leaderboards/sales?limit=1001", "/v1/leaderboards/sales?first=x",
		"/v1/leaderboards/sales/around/ada?n=51", "/v1/flags/a%7Bb",
	} {
		a.gets(422, ask{method: "GET", path: path})
	}
}

func TestNoSuchRouteOrMethod(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.fails(404, "not-found", ask{method: "GET", path: "/nowhere"})
	a.fails(404, "not-found", ask{method: "POST", path: "/v1/queues/orders"})
	got := a.fails(405, "method-not-allowed", ask{method: "DELETE", path: "/v1/orders"})
	if got.header.Get("Allow") != "POST" {
		t.Errorf("got %v", got.header)
	}
	a.fails(404, "not-found", ask{method: "GET", path: "/pages/nowhere"})
	a.fails(404, "not-found", ask{method: "GET", path: "/assets/nowhere"})
	a.fails(404, "not-found", ask{method: "GET", path: "/assets/page.html"})
	a.fails(404, "not-found", ask{method: "GET", path: "/v1/leaderboards/sales/around/ada"})
	a.fails(404, "not-found", ask{method: "GET", path: "/v1/queues/nowhere/jobs/j-1"})
}

func TestRequestIDsOfTheWrongForm(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, id := range []string{"", "a b", strings.Repeat("x", 129), "käse"} {
		if got := a.gets(200,
			ask{method: "GET", path: "/healthz"}.with("X-Request-ID", id)); len(got.header.Get("X-Request-ID")) != 26 {
			t.Errorf("%q: %v", id, got.header)
		}
	}
	for _, trace := range []string{"x", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"} {
		a.gets(202, right[0].with("Traceparent", trace)) // is ignored, as the W3C has it
	}
}

func TestOverTheRate(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Rate, c.Burst = 1, 1 })
	for _, one := range append(append([]ask{}, right...), public...) {
		name := "rate-limited"
		for begun := time.Now(); ; {
			got := a.do(one)
			if got.status == 429 {
				a.fails(429, name, one)
				if got.header.Get("Retry-After") == "" || got.header.Get("RateLimit-Policy") == "" {
					t.Errorf("%s: %v", one.path, got.header)
				}
				break
			}
			if time.Since(begun) > patience {
				t.Fatalf("%s: never over the rate", one.path)
			}
		}
	}
}

// One caller's rate is not another's.
func TestRateIsEachCallersOwn(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Rate, c.Burst = 1, 1 })
	flag := ask{method: "GET", path: "/v1/flags/f"}
	a.eventually("over the rate", func() bool { return a.do(flag).status == 429 })
	a.gets(200, flag.with("X-API-Key", a.weak))
}

func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.MaxInFlight = 1 })
	response, close := a.openStream()
	defer close()
	for _, one := range append(append([]ask{}, right...), public[1:]...) {
		a.fails(503, "overloaded", one)
	}
	a.gets(200, ask{method: "GET", path: "/healthz"})
	if response.StatusCode != 200 {
		t.Errorf("got %d", response.StatusCode)
	}
}

// A page of another origin can do nothing, whatever cookies a browser adds.
func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, one := range append(posts(right), public[1], public[2], public[3]) {
		a.fails(403, "forbidden", one.with("Sec-Fetch-Site", "cross-site"))
		a.fails(403, "forbidden", one.with("Origin", "https://evil.example"))
	}
	got := a.gets(200, public[5].with("Origin", "https://evil.example"))
	if got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("got %v", got.header)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for i, one := range posts(right) {
		one = one.with("Idempotency-Key", "key-"+string(rune('a'+i)))
		first, again := a.do(one), a.do(one)
		if first.status != again.status || string(first.body) != string(again.body) ||
			again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: %d %s, then %d %s", one.path, first.status, first.body, again.status, again.body)
		}
		other := one
		other.body = strings.Replace(one.body, "{", "{ ", 1)
		a.gets(422, other)
		a.gets(400, one.with("Idempotency-Key", strings.Repeat("x", 256)))
	}
	if n, err := a.rdb.XLen(t.Context(), "navvy:{orders}").Result(); err != nil || n != 3 {
		t.Errorf("%d jobs of orders, %v", n, err)
	}
}

// While the first request runs, another one with its key is refused.
func TestIdempotencyKeyInUse(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	hash := sha256.New()
	for _, part := range []string{"POST", right[0].path, right[0].body, "key:all"} { // as idemhttp does
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	locks := lockmgr.New(a.rdb)
	defer locks.Close()
	_, _, err := locks.Once(t.Context(), "http:"+url.QueryEscape("key:all")+":busy", hex.EncodeToString(hash.Sum(nil)),
		func(context.Context) ([]byte, error) {
			got := a.gets(409, right[0].with("Idempotency-Key", "busy"))
			if got.header.Get("Retry-After") == "" || got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %s %v", got.body, got.header)
			}
			return []byte(`{"status":200}`), nil
		})
	a.must(err)
}

// What Redis holds may be wrong: that is this side's failure, and its details are in the log alone.
func TestDamagedDataIsAnInternalProblem(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Retain = 0 })
	for _, key := range []string{"leaderboard:sales", "navvy:{orders}"} {
		a.must(a.rdb.Set(t.Context(), key, "of another type", 0).Err())
	}
	for _, one := range []ask{right[0], right[7]} {
		if got := a.fails(500, "internal", one); strings.Contains(string(got.body), "WRONGTYPE") {
			t.Errorf("got %s", got.body)
		}
	}
	a.stop()
	if text := a.log.String(); strings.Count(text, "WRONGTYPE") != 2 {
		t.Errorf("the log says %s", text)
	}
}

// Redis holds scores that JSON has no words for, as other programs may set them.
func TestEveryStoredOddityIsAProblemDocument(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, score := range []float64{math.Inf(1), math.Inf(-1)} {
		a.must(a.rdb.ZAdd(t.Context(), "leaderboard:odd", redis.Z{Score: score, Member: "m"}).Err())
		for _, path := range []string{"/v1/leaderboards/odd", "/v1/leaderboards/odd/around/m"} {
			a.fails(500, "internal", ask{method: "GET", path: path})
		}
		a.fails(422, "invalid", ask{method: "POST", path: "/v1/leaderboards/odd/scores",
			body: `{"changes":[{"member":"m","by":1}]}`})
	}
	a.gets(200, ask{method: "POST", path: "/v1/leaderboards/odd/scores", body: `{"changes":[{"member":"m","score":1}]}`})
	a.gets(200, ask{method: "GET", path: "/v1/leaderboards/odd"})
}

func TestOpenGatewayIsForLoopback(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Auth = gateway.Open{} })
	one := right[0]
	one.anonymous = true
	a.gets(202, one)
	handler := a.handler
	for host, want := range map[string]int{"localhost:80": 202, "[::1]:80": 202, "127.0.0.1": 202, "evil.example": 401,
		"evil.example:8080": 401, "10.0.0.1": 401} {
		if got := serveDirect(t, handler, host, one); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	for name, cfg := range map[string]gateway.Config{
		"no Redis": {Auth: gateway.Open{}}, "no Auth": {Redis: rdb}, "a short key": {Redis: rdb, Auth: gateway.Open{},
			Keys: [][]byte{{1}}},
		"a negative rate": {Redis: rdb, Auth: gateway.Open{}, Rate: -1}, "a bad namespace": {Redis: rdb, Auth: gateway.Open{},
			Namespace: "{"},
	} {
		if g, err := gateway.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
			_ = g.Close()
		}
	}
}

// What is wrong with a body is said in the words of JSON: the types of this program are nobody's business.
func TestProblemsShowNothingOfTheInside(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, one := range posts(right) {
		for _, body := range []string{`{"event":7}`, `{"kind":{}}`, `{"cents":"x"}`, `{"user":[]}`, `{"changes":1}`, `"text"`,
			`{"kind":"debug.echo","data":1,"retain":{}}`, `{"order_id":"o","cents":1e300}`} {
			one.body = body
			got := a.do(one)
			for _, word := range []string{"Go ", "struct", "unmarshal", "int64", "json:"} {
				if got.status < 400 || strings.Contains(string(got.body), word) {
					t.Errorf("%s %s: %d %s", one.path, body, got.status, got.body)
				}
			}
		}
	}
}
