package dashboard_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/routetest"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/analytics/analyticspage"
	"github.com/navvy-go/navvy/jobs/flags/flagspage"
	"github.com/navvy-go/navvy/jobs/leaderboard/leaderboardpage"
)

// withAPI adds the addresses under /api/v1.
func withAPI(method string, paths ...string) (patterns []string) {
	for _, path := range paths {
		patterns = append(patterns, method+" "+path)
		if path == "/{$}" {
			path = "/overview"
		}
		patterns = append(patterns, method+" /api/v1"+path)
	}
	return patterns
}

// The rules: which identities may use a route. A route that is in none of them, or in two, fails the test.
var rules = routetest.Rules{
	"public": {"GET /assets/", "GET /login", "POST /login", "POST /logout"},
	"viewer": slices.Concat([]string{"GET /live"}, withAPI("GET",
		"/{$}", "/queues", "/pending", "/waiting", "/delayed", "/dead", "/cancelled", "/expired",
		"/queues/{queue}/jobs/{id}", "/workers",
		"/redis", "/locks", "/keys", "/audit", "/audit/export", "/operations/{id}", "/sessions",
		"/flags", "/leaderboards", "/analytics")),
	"owner": withAPI("POST", "/sessions/end", "/sessions/end-all"),
	"operator": withAPI("POST",
		"/queues/pause", "/queues/resume", "/queues/forget", "/jobs/act", "/jobs/requeue-with", "/jobs/reschedule",
		"/jobs/edit", "/workers/command", "/locks/evict", "/keys/create", "/keys/revoke",
		"/flags/switch", "/flags/percent", "/flags/adopt"),
}

// identity is how a request says whose it is.
type identity struct {
	name    string
	client  *http.Client
	headers map[string]string
}

// identities are those that outsiders, viewers and operators have; sessions send no token of a form.
func identities(t *testing.T, server *httptest.Server, tokens map[string]string) []identity {
	t.Helper()
	viewer, operator, half := browser(t), browser(t), browser(t)
	login(t, viewer, server, "vera")
	login(t, operator, server, "olga")
	form := url.Values{"name": {"tess"}, "password": {plain}}
	if got := do(t, half, http.MethodPost, server.URL+"/login", form); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a password without its second factor: %d", got.StatusCode)
	}
	bearer := func(token string) map[string]string { return map[string]string{"Authorization": "Bearer " + token} }
	return []identity{
		{"nobody", browser(t), nil},
		{"password without its code", half, map[string]string{"Authorization": basic("tess", plain)}},
		{"unknown token", browser(t), bearer("navvy_unknown")},
		{"viewer's token", browser(t), bearer(tokens["vera"])},
		{"operator's token", browser(t), bearer(tokens["olga"])},
		{"viewer's session", viewer, nil},
		{"operator's session", operator, nil},
		{"operator's session on another site", operator, map[string]string{"Sec-Fetch-Site": "cross-site"}},
	}
}

// withTess adds to a file an operator who has a second factor.
func withTess(t *testing.T, file string) *dashboard.Credentials {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	line := regexp.MustCompile(`password olga .*`).FindString(string(text))
	text = append(text, strings.Replace(line, "olga", "tess", 1)+"\n"...)
	must(t, os.WriteFile(file, text, 0o600))
	return enrol(t, file, "tess").read
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// allowed is the status that a rule wants of an identity: 401, 403, or 0 for one that lets the request in.
func allowed(rule, method, who string) int {
	safe := method == http.MethodGet || method == http.MethodHead
	switch {
	case !safe && strings.Contains(who, "another site"):
		return http.StatusForbidden
	case rule == "public":
		return 0
	case who == "nobody", who == "unknown token", who == "password without its code":
		return http.StatusUnauthorized
	case rule == "viewer", rule == "operator" && who == "operator's token":
		return 0
	}
	return http.StatusForbidden
}

// Every route, with every method, for every identity.
func TestMatrix(t *testing.T) {
	t.Parallel()
	_, file, tokens := credentials(t)
	read := withTess(t, file)
	rdb := redistest.New(t).Client(t)
	d, err := dashboard.New(dashboard.Config{
		Redis: rdb, Auth: passwords(t, read), Pages: []dashboard.Page{
			flagspage.New(rdb), leaderboardpage.New(rdb), analyticspage.New(rdb, analytics.Config{}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Unpaced()
	server := httptest.NewServer(d)
	t.Cleanup(func() {
		_ = d.Close()
		server.Close()
	})
	enqueue(t, rdb, "", "orders", `1`)
	patterns := d.Patterns(t)
	ruleOf := rules.Of(t, patterns)
	for _, who := range identities(t, server, tokens) {
		for _, pattern := range patterns {
			if pattern == "POST /logout" && strings.Contains(who.name, "session") {
				continue // it would end the sessions of the routes that follow
			}
			own, path := routetest.Path(pattern)
			for _, method := range routetest.Methods {
				got := try(t, who, method, server.URL+path)
				switch taken := method == own || own == http.MethodGet && method == http.MethodHead; {
				case taken:
					check(t, pattern, method, who.name, got, allowed(ruleOf[pattern], method, who.name))
				case routetest.Takes(patterns, method, path):
				case got != http.StatusMethodNotAllowed && got != http.StatusForbidden && got != http.StatusNotFound:
					t.Errorf("%s %s by %s: status %d of a method that it does not have", method, path, who.name, got)
				}
			}
		}
	}
}

func check(t *testing.T, pattern, method, who string, got, want int) {
	t.Helper()
	refused := got == http.StatusUnauthorized || got == http.StatusForbidden
	if pattern == "POST /login" {
		refused = got == http.StatusForbidden // a login without a name is wrong, whoever tries
	}
	busy := got == http.StatusTooManyRequests && pattern != "POST /login" // attempts to log in are few, for all together
	if want == 0 && (refused || busy || got >= 500) || want != 0 && got != want {
		t.Errorf("%s with %s by %s: status %d, want %d", pattern, method, who, got, want)
	}
}

// try sends a request as a program does, and does not wait for a stream's end.
func try(t *testing.T, who identity, method, address string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // what a HEAD of a stream leaves under way is not for the next request
	for name, value := range who.headers {
		request.Header.Set(name, value)
	}
	response, err := who.client.Do(request)
	if err != nil {
		t.Fatalf("%s %s by %s: %v", method, address, who.name, err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// The routes of the other ways to log in: all others are those of above.
func TestRoutesOfTheOtherLogins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		auth interface {
			Routes(mux *http.ServeMux, prefix string)
		}
		want []string
	}{
		"oidc":   {&dashboard.OIDC{}, []string{"GET /oidc/callback", "POST /oidc/logout"}},
		"open":   {dashboard.Open{}, nil},
		"tokens": {dashboard.Tokens{}, nil},
	} {
		mux := http.NewServeMux()
		c.auth.Routes(mux, "")
		if got := routetest.Patterns(t, mux); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
