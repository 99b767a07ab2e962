package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/cmd/producer/gateway"
	"github.com/navvy-go/navvy/internal/routetest"
)

// The rules: which identities may use a route, by the scope that it needs. A route that is in none fails the test.
var rules = routetest.Rules{
	"public": {
		"POST /login", "POST /logout", "GET /pages/{page}", "GET /assets/{asset}", "GET /openapi.json",
		"GET /healthz", "GET /readyz",
	},
	"session":             {"GET /v1/notifications", "GET /session", "POST /logout-everywhere"},
	"signature":           {"POST /webhooks/stripe"},
	"jobs:write":          {"POST /v1/queues/{queue}/jobs"},
	"jobs:read":           {"GET /v1/queues/{queue}/jobs/{id}"},
	"orders:write":        {"POST /v1/orders", "POST /orders"},
	"events:write":        {"POST /v1/events", "POST /events"},
	"flags:read":          {"GET /v1/flags/{flag}"},
	"leaderboards:read":   {"GET /v1/leaderboards/{board}", "GET /v1/leaderboards/{board}/around/{member}"},
	"leaderboards:write":  {"POST /v1/leaderboards/{board}/scores"},
	"notifications:write": {"POST /v1/notifications"},
}

// identity is how a request says whose it is: by its headers, with one scope where it is a program.
type identity struct {
	name    string
	headers map[string]string
}

func (a *app) identities() []identity {
	a.Helper()
	cookie := a.login()["Cookie"]
	all := []identity{
		{"nobody", nil},
		{"unknown key", map[string]string{"X-API-Key": "navvy_unknown"}},
		{"session", map[string]string{"Cookie": cookie}},
		{"session on another site", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}},
	}
	for scope, key := range a.scopeKeys {
		all = append(all, identity{string(scope), map[string]string{"X-API-Key": key}})
	}
	return all
}

// allowed is the status that a rule wants of an identity: 401, 403, or 0 for one that lets the request in.
func allowed(rule, method, who string) int {
	safe := method == http.MethodGet || method == http.MethodHead
	switch {
	case !safe && who == "session on another site":
		return http.StatusForbidden
	case rule == "public", rule == who, rule == "session" && strings.HasPrefix(who, "session"):
		return 0
	case rule == "session", rule == "signature", !strings.Contains(who, ":"):
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// Every route, with every method, for every identity: each scope opens its routes alone.
func TestMatrix(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *gateway.Config) { c.StripeSecrets = []string{"whsec_" + strings.Repeat("a", 32)} })
	patterns := a.handler.Patterns(t)
	ruleOf := rules.Of(t, patterns)
	for _, who := range a.identities() {
		for _, pattern := range patterns {
			if strings.HasPrefix(pattern, "POST /logout") && who.name == "session" {
				continue // it would end the session of the routes that follow
			}
			own, path := routetest.Path(pattern)
			for _, method := range routetest.Methods {
				got := a.try(who, method, path)
				switch taken := method == own || own == http.MethodGet && method == http.MethodHead; {
				case taken:
					a.check(pattern, method, who.name, got, allowed(ruleOf[pattern], method, who.name))
				case routetest.Takes(patterns, method, path):
				case got != http.StatusMethodNotAllowed && got != http.StatusForbidden:
					t.Errorf("%s %s by %s: status %d of a method that it does not have", method, path, who.name, got)
				}
			}
		}
	}
}

func (a *app) check(pattern, method, who string, got, want int) {
	a.Helper()
	refused := got == http.StatusUnauthorized || got == http.StatusForbidden
	if pattern == "POST /webhooks/stripe" && want == http.StatusUnauthorized {
		want = http.StatusBadRequest // a report without a signature
	}
	if want == 0 && (refused || got >= 500) || want != 0 && got != want {
		a.Errorf("%s with %s by %s: status %d, want %d", pattern, method, who, got, want)
	}
}

// try sends a request without a body, and does not wait for a stream's end.
func (a *app) try(who identity, method, path string) int {
	a.Helper()
	ctx, cancel := context.WithTimeout(a.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, nil)
	a.must(err)
	request.Close = true
	for name, value := range who.headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	a.must(err)
	_ = response.Body.Close()
	return response.StatusCode
}
