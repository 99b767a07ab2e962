package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/apikey"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/routetest"
)

// tenants are two dashboards at one address, for people of the same names and passwords, whose cookies are signed with
// the same key: what keeps them apart is not chance.
type tenants struct {
	rdb    *redis.Client
	server *httptest.Server
	boards map[string]*dashboard.Dashboard
	tokens map[string]map[string]string // by tenant and person
}

func newTenants(t *testing.T) tenants {
	t.Helper()
	all := tenants{
		rdb: redistest.New(t).Client(t), boards: map[string]*dashboard.Dashboard{}, tokens: map[string]map[string]string{},
	}
	mux := http.NewServeMux()
	for _, name := range []string{"acme", "globex"} {
		read, _, tokens := credentials(t)
		d, err := dashboard.New(dashboard.Config{
			Redis: all.rdb, Namespace: name, Auth: passwords(t, read), Prefix: "/tenants/" + name, Tenant: true,
		})
		must(t, err)
		d.Unpaced()
		all.boards[name], all.tokens[name] = d, tokens
		mux.Handle("/tenants/"+name+"/", d)
	}
	all.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		for _, d := range all.boards {
			_ = d.Close()
		}
		all.server.Close()
	})
	return all
}

func (all tenants) url(tenant string) string { return all.server.URL + "/tenants/" + tenant }

// loggedIn is a browser in which somebody has logged in to a tenant.
func (all tenants) loggedIn(t *testing.T, tenant, name string) *http.Client {
	t.Helper()
	client := browser(t)
	got := do(t, client, http.MethodPost, all.url(tenant)+"/login", url.Values{"name": {name}, "password": {plain}})
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("login of %s: %d\n%s", name, got.StatusCode, got.body)
	}
	return client
}

// strangers are those that acme lets in, as they come to globex.
func (all tenants) strangers(t *testing.T) []identity {
	t.Helper()
	found := []identity{{"nobody", browser(t), nil}}
	at, err := url.Parse(all.server.URL)
	must(t, err)
	for _, name := range []string{"vera", "olga"} {
		client := all.loggedIn(t, "acme", name)
		cookie := client.Jar.Cookies(at)[0]
		if cookie.Name != "navvy-acme-session" {
			t.Errorf("a session's cookie is %s", cookie.Name)
		}
		found = append(found,
			identity{name + "'s token", browser(t), map[string]string{"Authorization": "Bearer " + all.tokens["acme"][name]}},
			identity{name + "'s session", client, nil},
			identity{name + "'s session, renamed", browser(t), map[string]string{
				"Cookie":         "navvy-globex-session=" + cookie.Value + "; navvy-session=" + cookie.Value,
				"Sec-Fetch-Site": "same-origin",
			}})
	}
	return found
}

// tenantRules are the rules without what all tenants share.
func tenantRules() routetest.Rules {
	left := routetest.Rules{}
	for rule, patterns := range rules {
		left[rule] = slices.DeleteFunc(slices.Clone(patterns), func(pattern string) bool {
			return slices.ContainsFunc([]string{"/redis", "/locks", "/flags", "/leaderboards", "/analytics"},
				func(shared string) bool { return strings.Contains(pattern, shared) })
		})
	}
	return left
}

// Whoever one tenant lets in is nobody to another, on each route.
func TestMatrixOfTenants(t *testing.T) {
	t.Parallel()
	all := newTenants(t)
	patterns := all.boards["globex"].Patterns(t)
	ruleOf := tenantRules().Of(t, patterns)
	for _, who := range all.strangers(t) {
		for _, pattern := range patterns {
			if pattern == "POST /logout" {
				continue // it ends the session that is sent, whose own it is
			}
			method, path := routetest.Path(pattern)
			got := try(t, who, method, all.url("globex")+path)
			check(t, pattern, method, who.name, got, allowed(ruleOf[pattern], method, "nobody"))
		}
	}
	for _, name := range []string{"vera", "olga"} { // they are somebody at home
		client := all.loggedIn(t, "acme", name)
		if got := do(t, client, http.MethodGet, all.url("acme")+"/queues", nil); got.StatusCode != http.StatusOK {
			t.Errorf("%s at home: %d", name, got.StatusCode)
		}
	}
}

// A person may be logged in to several tenants in one browser.
func TestSessionsOfTenantsStandSideBySide(t *testing.T) {
	t.Parallel()
	all := newTenants(t)
	client := all.loggedIn(t, "acme", "olga")
	do(t, client, http.MethodPost, all.url("globex")+"/login", url.Values{"name": {"olga"}, "password": {plain}})
	for _, name := range []string{"acme", "globex"} {
		got := do(t, client, http.MethodGet, all.url(name)+"/sessions", nil)
		if got.StatusCode != http.StatusOK || strings.Count(got.body, "this one") != 1 ||
			strings.Count(got.body, "/sessions/end\"") != 1 {
			t.Errorf("%s: %d\n%s", name, got.StatusCode, got.body)
		}
	}
	form := csrfField.FindStringSubmatch(do(t, client, http.MethodGet, all.url("globex")+"/sessions", nil).body)
	if form == nil {
		t.Fatal("no form")
	}
	got := do(t, client, http.MethodPost, all.url("globex")+"/sessions/end-all", url.Values{"csrf": {form[1]}})
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d\n%s", got.StatusCode, got.body)
	}
	if got := do(t, client, http.MethodGet, all.url("acme")+"/queues", nil); got.StatusCode != http.StatusOK {
		t.Errorf("the session of the other tenant has ended: %d", got.StatusCode)
	}
	if got := do(t, client, http.MethodGet, all.url("globex")+"/queues", nil); got.StatusCode == http.StatusOK {
		t.Error("the session of this one has not")
	}
}

// No page of a tenant shows what another has, whatever is in the registry of the first.
func TestTenantsSeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	all := newTenants(t)
	enqueue(t, all.rdb, "acme", "zebra", `{"zebra":1}`)
	_, _, err := apikey.New(all.rdb, "acme").Create(t.Context(),
		apikey.Request{Name: "zebra", Scopes: []string{"jobs:read"}, By: "zebra"}, time.Now())
	must(t, err)
	enqueue(t, all.rdb, "globex", "own", `{}`)
	// Who may write globex' keys alone can bind a queue to any stream.
	const stream = "acme:{zebra}"
	must(t, all.rdb.HSet(t.Context(), "globex:queues", stream, `{"raw":true,"group":"workers","kind":"k"}`).Err())
	olga := identity{"olga", browser(t), map[string]string{"Authorization": "Bearer " + all.tokens["globex"]["olga"]}}
	for _, pattern := range all.boards["globex"].Patterns(t) {
		method, path := routetest.Path(pattern)
		if method != http.MethodGet || path == "/live" || strings.HasPrefix(path, "/assets") {
			continue
		}
		got := do(t, olga.client, method, all.url("globex")+path, nil, "Authorization", olga.headers["Authorization"])
		if strings.Contains(got.body, "zebra") || strings.Contains(got.body, "acme") {
			t.Errorf("%s shows another tenant's:\n%s", pattern, got.body)
		}
	}
	for path, form := range map[string]url.Values{
		"/queues/pause":  {"queue": {stream}},
		"/queues/forget": {"queue": {stream}, "confirm": {stream}},
		"/jobs/act": {"queue": {stream}, "state": {"waiting"}, "action": {"delete"}, "scope": {"matching"},
			"confirm": {stream}},
	} {
		got := do(t, olga.client, http.MethodPost, all.url("globex")+"/api/v1"+path, form, "Accept", "application/json",
			"Authorization", olga.headers["Authorization"])
		if got.StatusCode != http.StatusBadRequest && got.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the stream of another tenant: %d %s", path, got.StatusCode, got.body)
		}
	}
	if n := all.rdb.XLen(t.Context(), stream).Val(); n != 1 {
		t.Errorf("%d jobs are left of the other tenant's", n)
	}
	if keys := all.rdb.Keys(t.Context(), "acme:{zebra}:*").Val(); len(keys) != 0 {
		t.Errorf("%q were written", keys)
	}
}

// What is about all tenants together is no scope of a tenant's key.
func TestKeysOfTenantsAreForQueues(t *testing.T) {
	t.Parallel()
	all := newTenants(t)
	token := "Bearer " + all.tokens["acme"]["olga"]
	create := func(scopes string) answer {
		return do(t, browser(t), http.MethodPost, all.url("acme")+"/api/v1/keys/create",
			url.Values{"name": {"shop"}, "scopes": {scopes}, "expires": {"90d"}}, "Accept", "application/json",
			"Authorization", token)
	}
	for _, bad := range []string{"flags:read", "jobs:read leaderboards:write", "notifications:write"} {
		if got := create(bad); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", bad, got.StatusCode, got.body)
		}
	}
	got := create("jobs:write:orders/mail.* orders:write events:write")
	var made struct{ Key string }
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || got.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	if n := all.rdb.HLen(t.Context(), "acme:apikeys").Val(); n != 2 {
		t.Errorf("%d fields", n)
	}
}

func TestNamesOfTenants(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"acme", "a", "a-1", "0", strings.Repeat("a", 40)} {
		if err := dashboard.CheckTenant(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "-a", "a-", "Acme", "a.b", "a/b", "a:b", "a b", "a{b}", "..", "a%2f", "acme\n", strings.Repeat("a", 41), "äa",
	} {
		if dashboard.CheckTenant(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
		_, err := dashboard.New(dashboard.Config{
			Redis: redistest.Shared(t).Client(t), Namespace: bad, Auth: dashboard.Open{}, Tenant: true,
		})
		if err == nil {
			t.Errorf("a dashboard of %q", bad)
		}
	}
}
