package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
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
	var page answer
	// A busy machine may not have read in time what a page shows: it is there soon.
	for end := time.Now().Add(time.Minute); ; {
		page = do(t, browser(t), http.MethodGet, server.URL+path, nil)
		if page.StatusCode != http.StatusServiceUnavailable || time.Now().After(end) {
			break
		}
	}
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

// fetchJSON fetches what a page shows as JSON.
func fetchJSON(t *testing.T, server *httptest.Server, path string, into any) {
	t.Helper()
	got := do(t, browser(t), http.MethodGet, server.URL+"/api/v1"+path, nil, "Accept", "application/json")
	if err := json.Unmarshal([]byte(got.body), into); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v\n%s", path, got.StatusCode, err, got.body)
	}
}

// act posts an operator's form as a page's script does, and returns the status and the answer.
func act(t *testing.T, server *httptest.Server, path string, pairs ...string) (int, string) {
	t.Helper()
	client, form := browser(t), url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	got := do(t, client, http.MethodPost, server.URL+path, form, "Accept", "application/json", "Sec-Fetch-Site",
		"same-origin")
	return got.StatusCode, got.body
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Whoever may not act cannot, whatever they post.
func TestLocksAreClosedToViewers(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	must(t, rdb.Set(t.Context(), "lock:a", "someone", 0).Err())
	read, _, tokens := credentials(t)
	server := board(t, dashboard.Config{Redis: rdb, Auth: passwords(t, read)})
	readOnly := board(t, dashboard.Config{Redis: rdb, Auth: passwords(t, read), ReadOnly: true})
	refusesAll(t, server, readOnly, tokens, "/locks/evict",
		url.Values{"sort": {"lock"}, "name": {"a"}, "owner": {"someone"}, "confirm": {"a"}})
	if rdb.Exists(t.Context(), "lock:a").Val() != 1 {
		t.Error("the lock was taken away")
	}
}

// refusesAll posts a form as everybody who may not act.
func refusesAll(
	t *testing.T, server, readOnly *httptest.Server, tokens map[string]string, action string, form url.Values,
) {
	t.Helper()
	olga, vera := browser(t), browser(t)
	login(t, olga, server, "olga")
	login(t, vera, server, "vera")
	form.Set("csrf", csrfOf(t, olga, server.URL+path.Dir(action)))
	bearer := func(who string) []string {
		return []string{"Authorization", "Bearer " + tokens[who], "Accept", "application/json"}
	}
	for _, prefix := range []string{"", "/api/v1"} {
		post := func(client *http.Client, to *httptest.Server, form url.Values, headers ...string) int {
			return do(t, client, http.MethodPost, to.URL+prefix+action, form, headers...).StatusCode
		}
		for who, status := range map[string]int{
			"nobody":                   post(browser(t), server, form, "Accept", "application/json"),
			"a viewer":                 post(vera, server, form),
			"a viewer's token":         post(browser(t), server, form, bearer("vera")...),
			"an operator who may read": post(browser(t), readOnly, form, bearer("olga")...),
			"an operator without CSRF": post(olga, server, url.Values{}),
		} {
			if status != http.StatusForbidden && status != http.StatusUnauthorized {
				t.Errorf("%s posts to %s%s: %d", who, prefix, action, status)
			}
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
	all := []string{"/workers", "/redis", "/locks", "/queues", "/cron"}
	server.Kill()
	for _, path := range all {
		if got := do(t, browser(t), http.MethodGet, pages.URL+path, nil); got.StatusCode != http.StatusServiceUnavailable ||
			!strings.Contains(got.body, "Redis does not answer") {
			t.Errorf("%s: %d\n%s", path, got.StatusCode, got.body)
		}
	}
	must(t, server.Restart())
	for _, path := range all {
		ok := func() bool { return do(t, browser(t), http.MethodGet, pages.URL+path, nil).StatusCode == http.StatusOK }
		if !eventually(t, ok) {
			t.Errorf("%s does not recover", path)
		}
	}
}
