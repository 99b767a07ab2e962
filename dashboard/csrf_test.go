package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
)

// stateChanging are the addresses that a browser posts to.
var stateChanging = []string{
	"/queues/pause", "/queues/resume", "/jobs/act", "/jobs/requeue-with", "/jobs/reschedule", "/jobs/edit",
	"/workers/command", "/locks/evict", "/counter/add", "/login", "/logout",
}

// What another site's page has a browser send is refused, with the session's cookie and even with the right token.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	server, client, token := loggedIn(t)
	for _, path := range stateChanging {
		prefixes := []string{""}
		if path != "/login" && path != "/logout" {
			prefixes = append(prefixes, "/api/v1")
		}
		for _, prefix := range prefixes {
			for name, headers := range map[string][]string{
				"another site's":            {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
				"a neighbouring site's":     {"Sec-Fetch-Site", "same-site", "Origin", "http://other.127.0.0.1"},
				"an older browser's":        {"Origin", "https://evil.example"},
				"a sandboxed frame's":       {"Origin", "null"},
				"another port's":            {"Origin", "http://127.0.0.1:1"},
				"a lie about the origin's":  {"Sec-Fetch-Site", "cross-site", "Origin", server.URL},
				"a lie about being a token": {"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer x"},
			} {
				form := url.Values{"queue": {"orders"}, "name": {"olga"}, "password": {plain}, "csrf": {token}}
				if got := do(t, client, http.MethodPost, server.URL+prefix+path, form,
					headers...); got.StatusCode != http.StatusForbidden {
					t.Errorf("%s form to %s%s: %d", name, prefix, path, got.StatusCode)
				}
			}
		}
	}
	if page := do(t, client, http.MethodGet, server.URL+"/queues", nil); page.StatusCode != http.StatusOK {
		t.Errorf("another site has logged the user out: %d", page.StatusCode)
	}
}

// A form of the dashboard's own pages is accepted from every browser, and needs its token where the browser does not
// vouch for it.
func TestFormsOfOwnPagesAreAccepted(t *testing.T) {
	t.Parallel()
	server, client, token := loggedIn(t)
	for name, test := range map[string]struct {
		headers []string
		token   string
		status  int
	}{
		"a browser of today": {[]string{"Sec-Fetch-Site", "same-origin", "Origin", server.URL}, "",
			303},
		"one that has been given the address":          {[]string{"Sec-Fetch-Site", "none"}, "", 303},
		"an older one, with the page's token":          {[]string{"Origin", server.URL}, token, 303},
		"an older one, without":                        {[]string{"Origin", server.URL}, "", 403},
		"the same host by HTTPS, without":              {[]string{"Origin", "https" + server.URL[len("http"):]}, "", 403},
		"one that says nothing, with the page's token": {nil, token, 303},
		"one that says nothing, without":               {nil, "", 403},
		"one that says nothing, with another token":    {nil, token[1:] + "0", 403},
	} {
		form := url.Values{"queue": {"orders"}, "csrf": {test.token}}
		if got := do(t, client, http.MethodPost, server.URL+"/queues/pause", form,
			test.headers...); got.StatusCode != test.status {
			t.Errorf("%s: %d, want %d\n%s", name, got.StatusCode, test.status, got.body)
		}
	}
}

// loggedIn serves a dashboard to an operator who has logged in.
func loggedIn(t *testing.T) (server *httptest.Server, client *http.Client, token string) {
	t.Helper()
	var c counter
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	enqueue(t, rdb, namespace, "orders", `{}`)
	read, _, _ := credentials(t)
	server = board(t, dashboard.Config{
		Redis: rdb, Namespace: namespace, Auth: passwords(t, read), Pages: []dashboard.Page{c.page()},
	})
	client = browser(t)
	login(t, client, server, "olga")
	return server, client, csrfOf(t, client, server.URL+"/queues")
}
