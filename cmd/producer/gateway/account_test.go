package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/credentials"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	who := ask{method: "GET", path: "/session", anonymous: true}
	a.fails(401, "unauthorized", who)
	for _, body := range []string{
		`{"user":"alice","password":"wrong"}`, `{"user":"mallory","password":"correct horse"}`, `{"user":"","password":""}`,
	} {
		a.fails(401, "unauthorized", ask{method: "POST", path: "/login", body: body, anonymous: true})
	}
	first, second := who, who
	first.header, second.header = a.login(), a.login()
	if got := a.gets(200, first); string(got.body) != `{"sessions":2,"user":"alice"}` {
		t.Errorf("got %s", got.body)
	}
	a.fails(401, "unauthorized", who.with("Cookie", first.header["Cookie"]+"x"))

	// Another gateway with the same key and Redis: the session goes on, as over a restart.
	b := appOn(t, a.server)
	b.gets(200, first)
	b.gets(204, ask{method: "POST", path: "/logout", anonymous: true, header: first.header})
	a.fails(401, "unauthorized", first)
	a.gets(200, second)

	third := who
	third.header = a.login()
	got := b.gets(200, ask{method: "POST", path: "/logout-everywhere", anonymous: true, header: second.header})
	if string(got.body) != `{"ended":2}` || !strings.Contains(got.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("got %s, %v", got.body, got.header)
	}
	a.fails(401, "unauthorized", second)
	a.fails(401, "unauthorized", third)
	a.gets(204, ask{method: "POST", path: "/logout", anonymous: true}) // nobody's
	a.fails(401, "unauthorized", ask{method: "POST", path: "/logout-everywhere", anonymous: true})
}

func TestPasswordsCannotBeGuessedFast(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	wrong := ask{method: "POST", path: "/login", body: `{"user":"alice","password":"wrong"}`, anonymous: true}
	for range 10 {
		a.fails(401, "unauthorized", wrong)
	}
	a.fails(429, "rate-limited", wrong)
	a.fails(429, "rate-limited", public[1]) // the right one as well
}

// All people behind one proxy come from its address: one of them must not keep the others out.
func TestWrongPasswordsOfOneKeepNobodyElseOut(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for range 11 {
		a.do(ask{method: "POST", path: "/login", body: `{"user":"mallory","password":"wrong"}`, anonymous: true})
	}
	a.gets(200, public[1])
}

func TestASessionEndsWithItsPassword(t *testing.T) {
	t.Parallel()
	file := ""
	a := newApp(t, func(c *gateway.Config) {
		file = filepath.Join(t.TempDir(), "people")
		if err := os.WriteFile(file, []byte("password alice "+alicesHash+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := gateway.ReadCredentials(file)
		if err != nil {
			t.Fatal(err)
		}
		c.Users = read
	})
	who := ask{method: "GET", path: "/session", anonymous: true, header: a.login()}
	a.gets(200, who)
	const another = "$2a$04$QIgRCI2CDbTyuvaLcKmWXO3D.FdwFNvp9Q9nCHNEsqjhRNsPjLd4G"
	a.must(os.WriteFile(file, []byte("password alice "+another+"\n"), 0o600))
	a.eventually("the session has ended", func() bool { return a.do(who).status == 401 })
	a.must(os.WriteFile(file, []byte("oops\n"), 0o600))
	a.eventually("the mistake is in the log", func() bool { return strings.Contains(a.log.String(), "do not count") })
}

// The gateway asks for no codes: who has a second factor is not let in by a password alone, and nobody stays so.
func TestWhoHasASecondFactorIsRefused(t *testing.T) {
	t.Parallel()
	file, people := "", "password alice "+alicesHash+"\npassword bob "+alicesHash+"\n"
	a := newApp(t, func(c *gateway.Config) {
		file = filepath.Join(t.TempDir(), "people")
		if err := os.WriteFile(file, []byte(people), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := gateway.ReadCredentials(file)
		if err != nil {
			t.Fatal(err)
		}
		c.Users = read
	})
	who := ask{method: "GET", path: "/session", anonymous: true, header: a.login()}
	a.gets(200, who)
	line, _, _, err := credentials.NewTOTP("alice")
	a.must(err)
	a.must(os.WriteFile(file, []byte(people+line+"\n"), 0o600))
	a.eventually("the session of the password alone has ended", func() bool { return a.do(who).status == 401 })
	login := ask{method: "POST", path: "/login", body: `{"user":"alice","password":"correct horse"}`, anonymous: true}
	got := a.fails(403, "forbidden", login)
	if !strings.Contains(string(got.body), "has a second factor") || got.header.Get("Set-Cookie") != "" {
		t.Errorf("%s, %v", got.body, got.header)
	}
	a.fails(401, "unauthorized", ask{method: "POST", path: "/login", body: `{"user":"alice","password":"wrong"}`,
		anonymous: true})
	a.gets(200, ask{method: "POST", path: "/login", body: `{"user":"bob","password":"correct horse"}`, anonymous: true})
	a.eventually("it is in the log", func() bool {
		return strings.Contains(a.log.String(), "login without the second factor refused")
	})
}

// subscribe opens a stream of notifications; each call of next is a line with data, or "" at the end.
func (a *app) subscribe(ctx context.Context, header map[string]string) (response *http.Response, next func() string) {
	a.Helper()
	response = a.open(ctx, ask{method: "GET", path: "/v1/notifications", anonymous: true, header: header})
	a.Cleanup(func() { _ = response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	return response, func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		return ""
	}
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	response, next := a.subscribe(t.Context(), a.login())
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %d, %v", response.StatusCode, response.Header)
	}
	a.checkDocumented(response)
	send := ask{method: "POST", path: "/v1/notifications",
		body: `{"user":"alice","type":"order","title":"Paid","body":"o-1"}`}
	a.gets(202, send)
	send.body = strings.Replace(send.body, "alice", "bob", 1)
	a.gets(202, send) // is not for Alice
	send.body = strings.Replace(right[10].body, "o-1", "o-2", 1)
	a.gets(202, send)
	for _, want := range []string{"o-1", "o-2"} {
		if got := next(); !strings.Contains(got, `"body":"`+want+`"`) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	a.stop() // ends the stream, rather than wait for it
	if got := next(); got != "" {
		t.Errorf("got %s after the end", got)
	}
}

// A stream ends with its session: signed out everywhere, a browser receives no more.
func TestNotificationsEndWithTheSession(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	session := a.login()
	_, next := a.subscribe(t.Context(), session)
	a.gets(200, ask{method: "POST", path: "/logout-everywhere", anonymous: true, header: session})
	if got := next(); got != "" { // longer than the server's ReadTimeout, so this also shows that it lasts that long
		t.Errorf("got %s", got)
	}
	a.fails(401, "unauthorized", ask{method: "GET", path: "/v1/notifications", anonymous: true, header: session})
}

func TestPagesAreCached(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	home := ask{method: "GET", path: "/pages/home", anonymous: true}
	first := a.gets(200, home)
	if first.header.Get("X-Cache") != "MISS" || first.header.Get("ETag") == "" {
		t.Errorf("got %v", first.header)
	}
	again := a.gets(200, home.with("Cookie", "a=b").with("X-Forwarded-Host", "evil"))
	if again.header.Get("X-Cache") != "HIT" || string(again.body) != string(first.body) {
		t.Errorf("got %v", again.header)
	}
	a.gets(304, home.with("If-None-Match", first.header.Get("ETag")))
	a.gets(200, ask{method: "GET", path: "/pages/home?nonsense=1", anonymous: true})
	if n, err := a.rdb.Exists(t.Context(), "cache:page:/pages/home").Result(); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	a.gets(200, ask{method: "GET", path: "/pages/shovel", anonymous: true})
	if account := a.gets(200,
		ask{method: "GET", path: "/pages/account",
			anonymous: true}); !strings.Contains(string(account.body), "/assets/account.js") {
		t.Errorf("got %s", account.body)
	}
	a.gets(200, ask{method: "GET", path: "/assets/account.js", anonymous: true})
}

func TestFlagsAndBoards(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := flags.New(a.rdb)
	a.must(store.EnableForUser(t.Context(), "checkout", "u-1", flags.Author{By: "test"}))
	a.eventually("on", func() bool {
		return string(a.gets(200, right[6]).body) == `{"flag":"checkout","on":true,"reason":"listed","stale":false}`
	})
	if got := a.gets(200, ask{method: "GET", path: "/v1/flags/checkout"}); !strings.Contains(string(got.body),
		`"on":false`) {
		t.Errorf("got %s", got.body)
	}
	if got := a.gets(200, right[7]); string(got.body) != `{"board":"sales","entries":[],"members":0}` {
		t.Errorf("got %s", got.body)
	}
	a.gets(200, ask{method: "POST", path: "/v1/leaderboards/sales/scores",
		body: `{"changes":[{"member":"ada","score":7},{"member":"bob","score":9},{"member":"ada","by":5},` +
			`{"member":"eve","score":1},{"member":"eve","remove":true}]}`})
	got := a.gets(200, ask{method: "GET", path: "/v1/leaderboards/sales?limit=1"})
	if string(got.body) != `{"board":"sales","entries":[{"member":"ada","score":12,"place":1}],"members":2}` {
		t.Errorf("got %s", got.body)
	}
	got = a.gets(200, right[8])
	if !strings.Contains(string(got.body), `"percentile":75`) || !strings.Contains(string(got.body), `"member":"bob"`) {
		t.Errorf("got %s", got.body)
	}
}

// Behind a proxy that is trusted, each client has its own ten attempts.
func TestLoginsAreCountedByTheAddressBehindTheProxy(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) {
		c.ClientIP = ratelimit.ClientIPBehind(netip.MustParsePrefix("127.0.0.0/8"))
	})
	login := ask{method: "POST", path: "/login", body: `{"user":"ada","password":"wrong password"}`, anonymous: true}
	for i := range 11 {
		lie := fmt.Sprintf("192.0.2.%d, 198.51.100.7", i)
		want := map[bool]int{true: 401, false: 429}[i < 10]
		a.gets(want, login.with("X-Forwarded-For", lie))
	}
	a.gets(401, login.with("X-Forwarded-For", "198.51.100.8"))
}

func TestTheDemonstrationIsServedOnRequestAlone(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.Shop = false })
	for _, path := range []string{"/pages/home", "/pages/account", "/assets/account.js"} {
		a.fails(404, "not-found", ask{method: "GET", path: path, anonymous: true})
	}
	a.gets(200, ask{method: "GET", path: "/session", header: a.login(), anonymous: true})
}
