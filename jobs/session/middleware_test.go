package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/session"
)

var (
	firstKey  = bytes.Repeat([]byte{1}, 32)
	secondKey = bytes.Repeat([]byte{2}, 32)
)

// shop is a small application with sessions.
func shop(w http.ResponseWriter, r *http.Request) {
	current := session.FromContext(r.Context())
	var err error
	switch r.URL.Path {
	case "/login":
		err = current.Login(r.FormValue("user"))
	case "/logout":
		err = current.Logout()
	case "/put":
		err = current.Set(r.FormValue("name"), r.FormValue("value"))
	case "/drop":
		err = current.Unset(r.FormValue("name"))
	case "/late":
		fmt.Fprint(w, "begun ")
		if !errors.Is(current.Set("a", "b"), session.ErrLate) {
			fmt.Fprint(w, "not refused")
		}
		return
	case "/nothing":
		return
	}
	user, userErr := current.UserID(r.Context())
	value, valueErr := current.Get(r.Context(), r.FormValue("name"))
	if err = errors.Join(err, userErr, valueErr); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "user %q, value %v", user, value)
}

// browser talks to a server over TLS with a cookie jar.
type browser struct {
	t      *testing.T
	server *httptest.Server
	client *http.Client
}

func newServer(t *testing.T, store *session.Store, keys ...[]byte) *httptest.Server {
	t.Helper()
	middleware, err := session.Middleware(store, keys...)
	must(t, err)
	server := httptest.NewTLSServer(middleware(http.HandlerFunc(shop)))
	t.Cleanup(server.Close)
	return server
}

func newBrowser(t *testing.T, server *httptest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := *server.Client()
	client.Jar = jar
	return &browser{t: t, server: server, client: &client}
}

// get wants this body, and returns the response.
func (b *browser) get(path, want string) *http.Response {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.server.URL+path, http.NoBody)
	must(b.t, err)
	response, err := b.client.Do(request)
	must(b.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(b.t, err)
	if got := string(body); got != want {
		b.t.Errorf("%s: got %q, want %q", path, got, want)
	}
	return response
}

func (b *browser) cookie() string {
	request := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, b.server.URL, http.NoBody)
	for _, c := range b.client.Jar.Cookies(request.URL) {
		if c.Name == session.CookieName {
			return c.Value
		}
	}
	return ""
}

func (b *browser) id() string { id, _, _ := strings.Cut(b.cookie(), "."); return id }

func TestABrowserLogsInAndOut(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	b := newBrowser(t, newServer(t, r.Store, firstKey))
	b.get("/", `user "", value <nil>`)
	if b.cookie() != "" {
		t.Error("a session was begun for a visitor who did nothing")
	}
	response := b.get("/put?name=cart&value=book", `user "", value book`)
	header := response.Header.Get("Set-Cookie")
	for _, part := range []string{"__Host-session=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=86"} {
		if !strings.Contains(header, part) {
			t.Errorf("%s is missing in %s", part, header)
		}
	}
	if strings.Contains(header, "Domain") || response.Header.Get("Vary") != "Cookie" ||
		response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", response.Header)
	}
	visitor := b.id()
	b.get("/put?name=x&value=1", `user "", value 1`)
	if b.id() != visitor {
		t.Error("the ID changed without a login")
	}
	b.get("/login?name=cart&user="+r.user, fmt.Sprintf("user %q, value book", r.user))
	user := b.id()
	if user == visitor || r.lives(t, visitor) {
		t.Error("the ID from before the login is still good")
	}
	b.get("/drop?name=cart", fmt.Sprintf("user %q, value <nil>", r.user))
	if quiet := b.get("/nothing", ""); len(quiet.Header.Values("Vary"))+len(quiet.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("a handler that did not ask for the session: %v", quiet.Header)
	}
	b.get("/late", "begun ")
	b.get("/login?user=other&name=x", `user "other", value 1`) // seen before it is saved
	b.get("/?name=x", `user "other", value <nil>`)             // another user's things are not handed on
	other := b.id()
	b.get("/logout", `user "", value <nil>`)
	if b.cookie() != "" || r.lives(t, other) || r.lives(t, user) {
		t.Error("something is left after the logout")
	}
}

func TestSignedOutEverywhereWhileTheBrowserIsOpen(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	server := newServer(t, r.Store, firstKey)
	home, phone := newBrowser(t, server), newBrowser(t, server)
	for _, b := range []*browser{home, phone} {
		b.get("/login?user="+r.user, fmt.Sprintf("user %q, value <nil>", r.user))
	}
	n, err := r.RevokeUser(t.Context(), r.user)
	if err != nil || n != 2 {
		t.Errorf("revoked %d (%v), want 2", n, err)
	}
	for _, b := range []*browser{home, phone} {
		b.get("/", `user "", value <nil>`)
	}
}

func TestForgedCookiesAreNotLookedUp(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	server := newServer(t, r.Store, firstKey)
	b := newBrowser(t, server)
	b.get("/login?user="+r.user, fmt.Sprintf("user %q, value <nil>", r.user))
	good := b.cookie()
	id, mac, _ := strings.Cut(good, ".")
	stranger := newBrowser(t, newServer(t, r.Store, secondKey))
	stranger.get("/put?name=a&value=b", `user "", value b`)
	for _, forged := range []string{
		id, id + ".", id + "." + mac[:42], id + "." + mac + "A", id + "." + strings.Repeat("A", 43),
		strings.ToLower(id) + "." + mac,
		mac + "." + id, ".", "x", strings.Repeat("x", 5000), stranger.cookie(), good + "x", id + "." + mac[:42] + "=",
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/put?name=a&value=b", http.NoBody)
		request.Header.Set("Cookie", session.CookieName+"="+forged)
		w := httptest.NewRecorder()
		server.Config.Handler.ServeHTTP(w, request)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `user ""`) {
			t.Errorf("%.60q: %d %s", forged, w.Code, w.Body)
		}
		if cookie := w.Header().Get("Set-Cookie"); strings.Contains(cookie, id) {
			t.Errorf("%.60q: the browser's own ID was taken: %s", forged, cookie)
		}
	}
	if !r.reported("bad signature") {
		t.Error("no forged cookie was reported")
	}
}

func TestKeysAreReplacedWithoutALogout(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	b := newBrowser(t, newServer(t, r.Store, firstKey))
	b.get("/login?user="+r.user, fmt.Sprintf("user %q, value <nil>", r.user))
	old := b.cookie()
	handler := newServer(t, r.Store, secondKey, firstKey).Config.Handler
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	request.Header.Set("Cookie", session.CookieName+"="+old)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, request)
	cookies := w.Result().Cookies()
	if !strings.Contains(w.Body.String(), r.user) || len(cookies) != 1 || cookies[0].Value == old ||
		!strings.HasPrefix(cookies[0].Value, b.id()+".") {
		t.Errorf("%s, cookies %v: want the same session under a new signature", w.Body, cookies)
	}
	for _, keys := range [][][]byte{nil, {[]byte("short")}, {firstKey, nil}} {
		if _, err := session.Middleware(r.Store, keys...); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("keys %v: %v, want ErrInvalid", keys, err)
		}
	}
}

func TestNothingIsSaidToHaveHappenedThatWasNotSaved(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() })
	r := newRig(t, rdb, session.Config{})
	middleware, err := session.Middleware(r.Store, firstKey)
	must(t, err)
	handler := middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		must(t, session.FromContext(r.Context()).Login("u"))
		w.Header().Set("Location", "/home")
		w.WriteHeader(http.StatusSeeOther)
		fmt.Fprint(w, "welcome")
	}))
	server.Kill()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", http.NoBody))
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "welcome") ||
		w.Header().Get("Set-Cookie")+w.Header().Get("Location") != "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
}

// A session that is only read is prolonged now and then, and costs one round trip otherwise.
func TestReadingProlongsNowAndThen(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	commands := &counter{}
	r := newRig(t, rdb, session.Config{})
	b := newBrowser(t, newServer(t, r.Store, firstKey))
	b.get("/login?user="+r.user, fmt.Sprintf("user %q, value <nil>", r.user))
	key := "session:" + b.id()
	rdb.AddHook(commands)
	b.get("/", fmt.Sprintf("user %q, value <nil>", r.user))
	if n := commands.n.Load(); n != 1 {
		t.Errorf("%d round trips, want 1", n)
	}
	must(t, rdb.PExpire(t.Context(), key, 50*time.Minute).Err())
	b.get("/", fmt.Sprintf("user %q, value <nil>", r.user))
	if ttl := rdb.PTTL(t.Context(), key).Val(); ttl < 59*time.Minute {
		t.Errorf("TTL %s, want 1 h again", ttl)
	}
}

// counter counts round trips.
type counter struct {
	redis.Hook
	n atomic.Int64
}

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.n.Add(1); return next(ctx, cmd) }
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.n.Add(1); return next(ctx, cmds) }
}

func TestWithoutMiddleware(t *testing.T) {
	t.Parallel()
	current := session.FromContext(t.Context())
	_, getErr := current.Get(t.Context(), "a")
	_, userErr := current.UserID(t.Context())
	_, sessionErr := current.Session(t.Context())
	for i, err := range []error{current.Set("a", 1), current.Unset("a"), current.Login("u"), current.Logout(), getErr,
		userErr, sessionErr} {
		if !errors.Is(err, session.ErrNoMiddleware) {
			t.Errorf("%d: %v, want ErrNoMiddleware", i, err)
		}
	}
	if err := current.Set("f", func() {}); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("a function: %v", err)
	}
	if err := current.Login(""); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("nobody: %v", err)
	}
}
