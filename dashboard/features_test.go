package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/queue"
)

// open serves what is in a server of its own: features have no namespace.
func open(t *testing.T, args ...string) (*redis.Client, *httptest.Server) {
	t.Helper()
	rdb := redistest.New(t, args...).Client(t)
	return rdb, board(t, dashboard.Config{Redis: rdb, Namespace: queue.DefaultNamespace, Auth: dashboard.Open{}})
}

// shows fetches a page and says which of the texts are not on it.
func shows(t *testing.T, server *httptest.Server, path string, texts ...string) string {
	t.Helper()
	page := do(t, browser(t), http.MethodGet, server.URL+path, nil)
	if page.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d\n%s", path, page.StatusCode, page.body)
	}
	for _, text := range texts {
		if !strings.Contains(page.body, text) {
			t.Errorf("%s lacks %q", path, text)
		}
	}
	return page.body
}

// tells fetches what a page shows as JSON.
func tells(t *testing.T, server *httptest.Server, path string, into any) {
	t.Helper()
	got := do(t, browser(t), http.MethodGet, server.URL+"/api/v1"+path, nil, "Accept", "application/json")
	if err := json.Unmarshal([]byte(got.body), into); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v\n%s", path, got.StatusCode, err, got.body)
	}
}

// act posts an operator's form as a program does, and returns the status and the answer.
func act(t *testing.T, server *httptest.Server, path string, pairs ...string) (int, string) {
	t.Helper()
	client, form := browser(t), url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	form.Set("csrf", csrfOf(t, client, server.URL+"/flags"))
	got := do(t, client, http.MethodPost, server.URL+path, form, "Accept", "application/json")
	return got.StatusCode, got.body
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// evictInTwoSteps takes a lock away from its holder: only who types its name may.
// Redis' keys are looked at some at a time, and the pages together show each lock once.
// Who may not act cannot, whatever they post.
func TestFeaturesAreClosedToViewers(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	ctx, store := t.Context(), flags.New(rdb)
	must(t, store.Disable(ctx, "beta", flags.Author{}))
	must(t, rdb.Set(ctx, "lock:a", "someone", 0).Err())
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Auth: passwords(t, read)})
	readOnly := board(t, dashboard.Config{Redis: rdb, Auth: passwords(t, read), ReadOnly: true})
	olga, vera := browser(t), browser(t)
	login(t, olga, server, "olga")
	login(t, vera, server, "vera")
	token := csrfOf(t, olga, server.URL+"/flags")
	for path, form := range map[string]url.Values{
		"/flags/switch":  {"flag": {"beta"}, "to": {"on"}},
		"/flags/percent": {"flag": {"beta"}, "percent": {"50"}},
		"/flags/adopt":   {},
		"/locks/evict":   {"sort": {"lock"}, "name": {"a"}, "owner": {"someone"}, "confirm": {"a"}},
	} {
		form.Set("csrf", token)
		for _, prefix := range []string{"", "/api/v1"} {
			for who, status := range map[string]int{
				"nobody":               do(t, browser(t), http.MethodPost, server.URL+prefix+path, form, "Accept", "application/json").StatusCode,
				"a viewer":             do(t, vera, http.MethodPost, server.URL+prefix+path, form).StatusCode,
				"a viewer's token":     do(t, browser(t), http.MethodPost, server.URL+prefix+path, form, "Authorization", "Bearer "+tokens["vera"]).StatusCode,
				"where nobody may act": do(t, browser(t), http.MethodPost, readOnly.URL+prefix+path, form, "Authorization", "Bearer "+tokens["olga"]).StatusCode,
			} {
				if status != http.StatusForbidden && status != http.StatusUnauthorized {
					t.Errorf("%s posts to %s%s: %d", who, prefix, path, status)
				}
			}
		}
		if got := do(t, olga, http.MethodPost, server.URL+path, url.Values{"flag": {"beta"}, "to": {"on"}}); got.StatusCode != http.StatusForbidden {
			t.Errorf("an operator without CSRF posts to %s: %d", path, got.StatusCode)
		}
	}
	if f, _, err := store.Flag(ctx, "beta"); err != nil || f.On || f.Rules.Percent != 0 || rdb.Exists(ctx, "lock:a").Val() != 1 {
		t.Errorf("somebody has acted: %+v, %v", f, err)
	}
	for _, path := range []string{"/flags", "/locks"} {
		if page := do(t, vera, http.MethodGet, server.URL+path, nil); page.StatusCode != 200 || strings.Contains(page.body, `name="csrf"`) {
			t.Errorf("a viewer's %s: %d\n%s", path, page.StatusCode, page.body)
		}
	}
}

// While Redis is away each page says so, and when it is back shows again what there is.
func TestFeaturesWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() })
	pages := board(t, dashboard.Config{Redis: rdb, Auth: dashboard.Open{}})
	all := []string{"/workers", "/redis", "/locks", "/flags", "/leaderboards", "/analytics"}
	server.Kill()
	for _, path := range all {
		if got := do(t, browser(t), http.MethodGet, pages.URL+path, nil); got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "Redis does not answer") {
			t.Errorf("%s: %d\n%s", path, got.StatusCode, got.body)
		}
	}
	must(t, server.Restart())
	for _, path := range all {
		if !eventually(t, func() bool { return do(t, browser(t), http.MethodGet, pages.URL+path, nil).StatusCode == http.StatusOK }) {
			t.Errorf("%s does not recover", path)
		}
	}
}
