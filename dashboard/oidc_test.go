package dashboard_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/navvy-go/navvy/dashboard"
)

// provider is an OpenID Connect provider: it lets in everybody at once, with the claims that the test has set.
type provider struct {
	*httptest.Server
	key *rsa.PrivateKey

	scopes []string // that it says it supports

	mu     sync.Mutex
	claims map[string]any
	asked  url.Values // of the last login
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported": p.scopes,
		})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = r.URL.Query()
		p.mu.Unlock()
		back := url.Values{"code": {"the-code"}, "state": {r.URL.Query().Get("state")}}
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256",
			Use: "sig"}}})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// token gives an ID token for the code, if the proof of RFC 7636 is right.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	proof := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if r.PostFormValue("code") != "the-code" ||
		base64.RawURLEncoding.EncodeToString(proof[:]) != p.asked.Get("code_challenge") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": "navvy", "sub": "subject-1", "exp": time.Now().Add(time.Minute).Unix(),
		"iat": time.Now().Unix(), "nonce": p.asked.Get("nonce"),
	}
	for name, value := range p.claims {
		claims[name] = value
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}},
		nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body, _ := json.Marshal(claims)
	signed, _ := signer.Sign(body)
	compact, _ := signed.CompactSerialize()
	p.answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": compact})
}

func (p *provider) says(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

// follow goes from page to page as a browser does.
func follow(t *testing.T, client *http.Client, address string) answer {
	t.Helper()
	for range 6 {
		got := do(t, client, http.MethodGet, address, nil)
		next, err := got.Location()
		if err != nil {
			return got
		}
		address = next.String()
	}
	t.Fatal("redirected for ever")
	return answer{}
}

// oidcBoard serves a dashboard behind an address that is known before the dashboard is made.
func oidcBoard(t *testing.T, p *provider) *httptest.Server {
	t.Helper()
	var server *httptest.Server
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	auth, err := dashboard.NewOIDC(t.Context(), dashboard.OIDCConfig{
		Issuer: p.URL, ClientID: "navvy", ClientSecret: "s", URL: front.URL,
		Roles:    dashboard.Roles{Viewers: []string{"vera@example.org"}, Operators: []string{"@oncall"}},
		Sessions: dashboard.Sessions{Key: []byte(strings.Repeat("k", 32))},
	})
	if err != nil {
		t.Fatal(err)
	}
	server = board(t, dashboard.Config{Auth: auth})
	return front
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := oidcBoard(t, p)
	for name, test := range map[string]struct {
		claims map[string]any
		status int
		holds  string
	}{
		"a viewer":              {map[string]any{"email": "vera@example.org", "email_verified": true}, 200, "read only"},
		"an operator":           {map[string]any{"groups": []string{"dev", "oncall"}}, 200, "subject-1"},
		"an address unverified": {map[string]any{"email": "vera@example.org"}, 403, "no role"},
		"a stranger":            {map[string]any{"email": "m@example.org", "email_verified": true}, 403, "no role"},
		"another's nonce":       {map[string]any{"groups": []string{"oncall"}, "nonce": "x"}, 403, "not for this login"},
		"another's audience":    {map[string]any{"groups": []string{"oncall"}, "aud": "x"}, 403, "not for this login"},
		"another issuer": {map[string]any{"groups": []string{"oncall"}, "iss": "https://evil.example"}, 403,
			"not for this login"},
		"ended": {map[string]any{"groups": []string{"oncall"}, "exp": 1}, 403, "not for this login"},
	} {
		p.says(test.claims)
		client := browser(t)
		got := follow(t, client, server.URL+"/queues")
		if got.StatusCode != test.status || !strings.Contains(got.body, test.holds) {
			t.Errorf("%s: %d\n%.400s", name, got.StatusCode, got.body)
		}
		if after := do(t, client, http.MethodGet, server.URL+"/queues", nil, "Accept",
			"application/json"); (after.StatusCode == 200) != (test.status == 200) {
			t.Errorf("%s, afterwards: %d", name, after.StatusCode)
		}
	}
}

func TestOIDCLoginsThatWereNotBegunHere(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := oidcBoard(t, p)
	p.says(map[string]any{"groups": []string{"oncall"}})
	for _, query := range []string{"?code=the-code&state=x", "?code=the-code", "?error=access_denied", ""} {
		if got := do(t, browser(t), http.MethodGet, server.URL+"/oidc/callback"+query,
			nil); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", query, got.StatusCode)
		}
	}
}

func TestOIDCThatIsRefused(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	good := dashboard.OIDCConfig{
		Issuer: p.URL, ClientID: "navvy", URL: "https://monitor.example.org",
		Roles: dashboard.Roles{Viewers: []string{"*"}}, Sessions: dashboard.Sessions{Key: []byte(strings.Repeat("k", 32))},
	}
	if _, err := dashboard.NewOIDC(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*dashboard.OIDCConfig){
		"no issuer":   func(c *dashboard.OIDCConfig) { c.Issuer = "" },
		"no client":   func(c *dashboard.OIDCConfig) { c.ClientID = "" },
		"no URL":      func(c *dashboard.OIDCConfig) { c.URL = "" },
		"nobody":      func(c *dashboard.OIDCConfig) { c.Roles = dashboard.Roles{} },
		"a short key": func(c *dashboard.OIDCConfig) { c.Sessions.Key = []byte("short") },
		"no provider": func(c *dashboard.OIDCConfig) { c.Issuer = p.URL + "/nowhere" },
	} {
		cfg := good
		change(&cfg)
		if _, err := dashboard.NewOIDC(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Google, for one, refuses a login that asks for a scope it does not know.
func TestOIDCAsksForScopesOfTheProvider(t *testing.T) {
	t.Parallel()
	for want, supported := range map[string][]string{
		"openid profile email":        {"openid", "email", "profile"},
		"openid profile email groups": {"openid", "email", "profile", "groups"},
	} {
		p := newProvider(t)
		p.scopes = supported
		got := do(t, browser(t), http.MethodGet, oidcBoard(t, p).URL+"/queues", nil)
		if to, err := got.Location(); err != nil || to.Query().Get("scope") != want {
			t.Errorf("%v: leads to %v, %v", supported, to, err)
		}
	}
}
