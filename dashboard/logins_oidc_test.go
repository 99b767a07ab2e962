package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
)

// oidcBoards serves at one address what restart makes, as a restart of the monitor with other roles does.
func oidcBoards(t *testing.T, p *provider) (front *httptest.Server, restart func(dashboard.Roles)) {
	t.Helper()
	var server *httptest.Server
	key := []byte(strings.Repeat("k", 32))
	rdb, namespace := redistest.Shared(t).Client(t), redistest.Namespace()
	front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front, func(roles dashboard.Roles) {
		auth, err := dashboard.NewOIDC(t.Context(), dashboard.OIDCConfig{
			Issuer: p.URL, ClientID: "navvy", ClientSecret: "s", URL: front.URL, Roles: roles,
			Sessions: dashboard.Sessions{Key: key},
		})
		if err != nil {
			t.Fatal(err)
		}
		server = board(t, dashboard.Config{Auth: auth, Key: key, Redis: rdb, Namespace: namespace})
	}
}

func TestOIDCRolesAreThoseOfNow(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	front, restart := oidcBoards(t, p)
	restart(dashboard.Roles{Operators: []string{"@oncall"}})
	p.says(map[string]any{"groups": []string{"oncall", "dev"}})
	client := browser(t)
	follow(t, client, front.URL+"/queues")
	mustBe(t, "after the login", true, client, front)
	restart(dashboard.Roles{Operators: []string{"@oncall"}, Viewers: []string{"@dev"}})
	mustBe(t, "after a restart with the same role", true, client, front)
	restart(dashboard.Roles{Viewers: []string{"@oncall"}})
	mustBe(t, "with another role", false, client, front)
	if got := follow(t, client, front.URL+"/queues"); !strings.Contains(got.body, "read only") {
		t.Errorf("an operator who is a viewer now: %d", got.StatusCode)
	}
	restart(dashboard.Roles{Viewers: []string{"somebody-else"}})
	mustBe(t, "without a role", false, client, front)
}

func TestAnOIDCSessionEndsWithItsLogout(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	front, restart := oidcBoards(t, p)
	restart(dashboard.Roles{Operators: []string{"@oncall"}})
	p.says(map[string]any{"groups": []string{"oncall"}})
	client := browser(t)
	follow(t, client, front.URL+"/queues")
	stolen := thief(t, client, front)
	mustBe(t, "before", true, stolen, front)
	do(t, client, http.MethodPost, front.URL+"/oidc/logout", url.Values{})
	mustBe(t, "after the logout", false, stolen, front)
}
