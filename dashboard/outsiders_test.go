package dashboard_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/queue"
)

// enqueued is a namespace in which a queue has one job.
func enqueued(t *testing.T, queueName, data string) dashboard.Config {
	t.Helper()
	cfg := dashboard.Config{
		Redis: redistest.Shared(t).Client(t), Namespace: redistest.Namespace(), Auth: dashboard.Open{},
		Mask: dashboard.DefaultMask,
	}
	client, err := queue.NewClient(cfg.Redis, queue.ClientConfig{Namespace: cfg.Namespace})
	must(t, err)
	defer func() { must(t, client.Close()) }()
	_, err = client.Enqueue(t.Context(), queue.JSON("k", []byte(data)), queue.On(queueName))
	must(t, err)
	return cfg
}

// A page of another name that its owner has pointed at the loopback gets nothing.
func TestOpenIsForTheLoopbacksNamesAlone(t *testing.T) {
	t.Parallel()
	d, err := dashboard.New(enqueued(t, "orders", `{}`))
	must(t, err)
	defer func() { must(t, d.Close()) }()
	for host, want := range map[string]int{"localhost:8090": 200, "127.0.0.1": 200, "evil.example:8090": 401, "": 401} {
		for _, path := range []string{"/", "/queues", "/api/v1/queues"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			if d.ServeHTTP(w, r); w.Code != want {
				t.Errorf("%s of host %q: status %d, want %d", path, host, w.Code, want)
			}
		}
	}
}

// What a filter finds would give away what is hidden, letter by letter.
func TestFiltersDoNotLookAtHiddenFields(t *testing.T) {
	t.Parallel()
	server := board(t, enqueued(t, "orders", `{"order":"o-1","password":"hunter2","db/password":"s3cret",
		"user":{"Card.Number":"4111","API_KEY":["k-1"],"name":"ada"},"tokens":[{"a":"t-1"}]}`))
	get := func(filter string) answer {
		return do(t, browser(t), http.MethodGet, server.URL+"/api/v1/waiting?queue=orders&q="+url.QueryEscape(filter), nil,
			"Accept", "application/json")
	}
	for _, filter := range []string{
		"args.password:hunter*", "args.PASSWORD:x", "args.db/password:s*", "args.user.Card.Number:4*",
		"args.user.API_KEY:k*",
		"args.user.API_KEY.0:k*", "args.tokens.a:t*", "args.tokens.0.a:t-1", "kind:k args.password:h*",
	} {
		if got := get(filter); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.body, "is hidden here") {
			t.Errorf("%s: %d %s", filter, got.StatusCode, got.body)
		}
		status, body := act(t, server, "/jobs/act", "queue", "orders", "state", "waiting", "action", "delete",
			"scope", "matching", "q", filter, "filter", filter)
		if status != http.StatusBadRequest {
			t.Errorf("an action on %s: %d %s", filter, status, body)
		}
	}
	for _, filter := range []string{"args.user.name:ada", "args.order:o-*"} {
		got := get(filter)
		for _, secret := range []string{"hunter2", "s3cret", "4111", "k-1", "t-1"} {
			if strings.Contains(got.body, secret) {
				t.Errorf("%s shows %s", filter, secret)
			}
		}
		if !strings.Contains(got.body, `"order":"o-1"`) {
			t.Errorf("%s: %s", filter, got.body)
		}
	}
}

var redisCLILine = regexp.MustCompile(`redis-cli [A-Z][^\n<]*`)

// A queue's name comes from whoever may enqueue, and the commands are there to be pasted.
func TestPastedCommandsRunNothingElse(t *testing.T) {
	t.Parallel()
	ran := filepath.Join(t.TempDir(), "ran")
	for _, name := range []string{
		"$(touch>" + ran + ")", "`touch>" + ran + "`", "';touch>" + ran + ";'", `";touch>` + ran + `;"`, "&touch>" + ran,
	} {
		server := board(t, enqueued(t, name, `{}`))
		for _, state := range []string{"waiting", "pending", "delayed", "dead", "cancelled", "expired"} {
			page := do(t, browser(t), http.MethodGet, server.URL+"/"+state+"?queue="+url.QueryEscape(name), nil)
			lines := redisCLILine.FindAllString(html.UnescapeString(page.body), -1)
			if len(lines) == 0 {
				t.Errorf("%s of %q has no command: %d", state, name, page.StatusCode)
			}
			for _, line := range lines {
				shell := exec.CommandContext(t.Context(), "sh", "-c", "redis-cli() { :; }\n"+line)
				shell.Dir = t.TempDir()
				_ = shell.Run()
			}
		}
		if _, err := os.Stat(ran); err == nil {
			t.Fatalf("the commands for %q ran another", name)
		}
	}
}

// macOf is what signs a text with a key.
func macOf(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// What is signed for one purpose is worth nothing for another: the token of a form, of a user whose name is what a
// cookie holds, is not that cookie's signature. And who cannot act gets none.
func TestAFormsTokenSignsNoCookie(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	cookie := base64.RawURLEncoding.EncodeToString([]byte(`{"p":"session","n":"olga","e":99999999999}`))
	tokenOf := func(role dashboard.Role) string {
		cfg := enqueued(t, "orders", `{}`)
		cfg.Key, cfg.Auth = key, named{cookie, role}
		page := do(t, browser(t), http.MethodGet, board(t, cfg).URL+"/queues", nil)
		_, rest, _ := strings.Cut(page.body, `name="csrf" value="`)
		token, _, _ := strings.Cut(rest, `"`)
		return token
	}
	if token := tokenOf(dashboard.Viewer); token != "" {
		t.Errorf("a viewer gets the token %s", token)
	}
	token := tokenOf(dashboard.Operator)
	if len(token) != 64 {
		t.Fatalf("token %q", token)
	}
	if mac := macOf(key, cookie); mac == token {
		t.Error("the token of a form is what signs a cookie with the same text")
	}
}

// named lets everybody in as one user.
type named struct {
	name string
	role dashboard.Role
}

func (n named) Identify(*http.Request) (dashboard.User, bool) {
	return dashboard.User{Name: n.name, Role: n.role}, true
}
func (named) Challenge(http.ResponseWriter, *http.Request) {}
func (named) Routes(*http.ServeMux, string)                {}

// Headers that could be the client's own let nobody in, and a user's name is no group and no wildcard.
func TestProxyHeadersCannotBeAdded(t *testing.T) {
	t.Parallel()
	auth, err := dashboard.NewProxy(dashboard.Proxy{
		From:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		Roles: dashboard.Roles{Operators: []string{"@oncall", "olga"}, Viewers: []string{"vera"}},
	})
	must(t, err)
	for name, c := range map[string]struct {
		headers http.Header
		role    dashboard.Role
	}{
		"olga": {http.Header{"X-Forwarded-User": {"olga"}}, dashboard.Operator},
		"a group": {
			http.Header{"X-Forwarded-User": {"x"}, "X-Forwarded-Groups": {"a, oncall"}}, dashboard.Operator,
		},
		"two groups headers":    {http.Header{"X-Forwarded-User": {"vera"}, "X-Forwarded-Groups": {"a", "oncall"}}, 0},
		"two users":             {http.Header{"X-Forwarded-User": {"vera", "olga"}}, 0},
		"named as a group":      {http.Header{"X-Forwarded-User": {"@oncall"}}, 0},
		"named as the wildcard": {http.Header{"X-Forwarded-User": {"*"}}, 0},
		"a group's name with @": {http.Header{"X-Forwarded-User": {"x"}, "X-Forwarded-Groups": {"@oncall"}}, 0},
		"a group named as one":  {http.Header{"X-Forwarded-User": {"x"}, "X-Forwarded-Groups": {"olga"}}, 0},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header, r.RemoteAddr = c.headers, "192.0.2.9:1234"
		if user, ok := auth.Identify(r); user.Role != c.role && ok || ok != (c.role > 0) {
			t.Errorf("%s: got %+v, %t", name, user, ok)
		}
	}
	for _, from := range []string{"0.0.0.0/0", "::/0"} {
		_, err := dashboard.NewProxy(dashboard.Proxy{
			From: []netip.Prefix{netip.MustParsePrefix(from)}, Roles: dashboard.Roles{Viewers: []string{"*"}},
		})
		if err == nil {
			t.Errorf("%s is taken for a proxy", from)
		}
	}
}

// An attempt is reserved before its password is compared: of sixty at once, those that are free are compared, and
// nobody else waits for them.
func TestSixtyWrongPasswordsAtOnceAreNotAllCompared(t *testing.T) {
	t.Parallel()
	read, _, _ := credentials(t)
	server := board(t, dashboard.Config{Auth: passwords(t, read)})
	var compared, refused atomic.Int64
	var all sync.WaitGroup
	for k := range 60 {
		client := browser(t)
		all.Go(func() {
			form := url.Values{"name": {"vera"}, "password": {fmt.Sprint("wrong-", k)}}
			switch got := do(t, client, http.MethodPost, server.URL+"/login", form); got.StatusCode {
			case http.StatusUnauthorized:
				compared.Add(1)
			case http.StatusTooManyRequests, http.StatusServiceUnavailable:
				if got.Header.Get("Retry-After") != "" {
					refused.Add(1)
				}
			}
		})
	}
	login(t, browser(t), server, "olga")
	all.Wait()
	if n := compared.Load(); n == 0 || n > 10 || refused.Load() != 60-n {
		t.Errorf("%d were compared, %d refused", n, refused.Load())
	}
}

// Of many jobs that are deleted at once, each is on record, for viewers as well.
func TestEveryDeletedJobIsOnRecord(t *testing.T) {
	t.Parallel()
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	client, err := queue.NewClient(rdb, queue.ClientConfig{Namespace: namespace})
	must(t, err)
	defer client.Close()
	form := url.Values{"queue": {"q"}, "state": {"delayed"}, "action": {"delete"}, "confirm": {"q"}}
	for n := range 30 {
		id := fmt.Sprintf("del-%02d", n)
		_, err := client.Enqueue(t.Context(), queue.JSON("k", []byte(`{}`)), queue.On("q"), queue.ID(id), queue.In(time.Hour))
		must(t, err)
		form.Add("id", id)
	}
	server := board(t, dashboard.Config{Redis: rdb, Namespace: namespace, Auth: dashboard.Open{}})
	got := do(t, browser(t), http.MethodPost, server.URL+"/jobs/act", form, "Accept", "application/json",
		"Sec-Fetch-Site", "same-origin")
	if got.StatusCode != http.StatusOK {
		t.Fatalf("delete: %d %s", got.StatusCode, got.body)
	}
	if n := rdb.ZCard(t.Context(), namespace+":{q}:delayed").Val(); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
	_, trail := get(t, server, "/api/v1/audit")
	for n := range 30 {
		if id := fmt.Sprintf("del-%02d", n); !strings.Contains(trail, id) {
			t.Errorf("%s is not on record", id)
		}
	}
}
