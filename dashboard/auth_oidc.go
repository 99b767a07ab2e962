package dashboard

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	loginTakes  = 10 * time.Minute // at the provider
	oidcTimeout = 10 * time.Second
)

// OIDCConfig says which OpenID Connect provider identifies users.
type OIDCConfig struct {
	Issuer       string // its URL; required
	ClientID     string // required
	ClientSecret string // empty for a public client: PKCE is used either way
	URL          string // of the dashboard as browsers reach it, with its prefix; required
	Groups       string // the claim with the user's groups; defaults to "groups"
	Roles        Roles
	Sessions     Sessions
}

// OIDC accepts users that log in at an OpenID Connect provider. Make it with [NewOIDC].
type OIDC struct {
	cfg      OIDCConfig
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	logins   atomic.Pointer[logins] // of the dashboard that it is for
}

// NewOIDC asks the provider for its addresses and keys.
func NewOIDC(ctx context.Context, cfg OIDCConfig) (*OIDC, error) {
	if cfg.Groups == "" {
		cfg.Groups = "groups"
	}
	base, err := url.Parse(cfg.URL)
	switch {
	case cfg.Issuer == "" || cfg.ClientID == "":
		return nil, errors.New("dashboard: OpenID Connect needs an issuer and a client ID")
	case err != nil || base.Host == "":
		return nil, fmt.Errorf("dashboard: %q is not the URL that browsers reach the dashboard by", cfg.URL)
	}
	if err := errors.Join(cfg.Roles.validate(), cfg.Sessions.validate()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, oidcTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("dashboard: OpenID Connect: %w", err)
	}
	return &OIDC{
		cfg: cfg,
		oauth: oauth2.Config{
			ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, Endpoint: provider.Endpoint(),
			RedirectURL: strings.TrimSuffix(cfg.URL, "/") + "/oidc/callback",
			Scopes:      scopes(provider, cfg.Groups),
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: cfg.ClientID}),
	}, nil
}

// scopes asks for the groups if the provider has a scope of their name. Some providers refuse an unknown scope.
func scopes(provider *oidc.Provider, groups string) []string {
	wanted := []string{oidc.ScopeOpenID, "profile", "email"}
	var metadata struct {
		Scopes []string `json:"scopes_supported"` // OpenID Connect Discovery 1.0, section 3
	}
	if provider.Claims(&metadata) == nil && slices.Contains(metadata.Scopes, groups) {
		wanted = append(wanted, groups)
	}
	return wanted
}

func (o *OIDC) bind(d *Dashboard) error {
	made, err := newLogins(d, o.cfg.Sessions, "oidc-session")
	o.logins.Store(made)
	return err
}

// proof is what sessions of this provider have: those of another one count no longer.
func (o *OIDC) proof() string { return o.cfg.Issuer + " " + o.cfg.ClientID }

// Identify reads the session. The role is the one that the configuration gives now to the user and the groups of the
// login; a session ends when that is another one than at the login.
func (o *OIDC) Identify(r *http.Request) (User, bool) {
	all := o.logins.Load()
	if all == nil {
		return User{}, false
	}
	in, ok := all.of(r)
	if !ok {
		return User{}, false
	}
	role, ok := o.cfg.Roles.of(in.Name, in.Groups)
	if !ok || role != in.Role || in.Proof != o.proof() {
		all.void(r, in)
		return User{}, false
	}
	return User{Name: in.Name, Role: in.bounded(role), login: in}, true
}

// Challenge sends a person to the provider, and refuses a program.
func (o *OIDC) Challenge(w http.ResponseWriter, r *http.Request) {
	if !wantsPage(r) {
		refuse(w, r)
		return
	}
	prefix, _ := r.Context().Value(prefixKey{}).(string)
	login := cookiePayload{
		State: rand.Text(), Nonce: rand.Text(), Proof: oauth2.GenerateVerifier(),
		Next: local(address(prefix, r.URL), prefix),
	}
	o.cfg.Sessions.set(w, "oidc-login", login, loginTakes)
	http.Redirect(w, r, o.oauth.AuthCodeURL(login.State, oidc.Nonce(login.Nonce), oauth2.S256ChallengeOption(login.Proof)),
		http.StatusSeeOther)
}

// Routes adds the address that the provider redirects to, and that of logging out.
func (o *OIDC) Routes(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET /oidc/callback", func(w http.ResponseWriter, r *http.Request) {
		next, err := o.finish(w, r)
		if err != nil {
			o.logins.Load().d.denied(r, "", "login.failed", cut(err.Error()))
			http.Error(w, "cannot log you in: "+err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, local(next, prefix), http.StatusSeeOther)
	})
	mux.HandleFunc("POST "+o.logout(), func(w http.ResponseWriter, r *http.Request) {
		if err := o.logins.Load().logout(w, r); err != nil {
			refuseWith(w, r, http.StatusServiceUnavailable, "the session cannot be ended now: "+shownText(err))
			return
		}
		_, _ = w.Write([]byte("You are logged out of the monitor.\n"))
	})
}

func (o *OIDC) logout() string { return "/oidc/logout" }

// finish checks what the provider sends and begins the session. It returns the address that the user wanted.
func (o *OIDC) finish(w http.ResponseWriter, r *http.Request) (next string, err error) {
	started, ok := o.cfg.Sessions.get(r, "oidc-login")
	query := r.URL.Query()
	switch {
	case !ok || subtle.ConstantTimeCompare([]byte(started.State), []byte(query.Get("state"))) != 1:
		return "", errors.New("this login was not begun here, or took longer than ten minutes")
	case query.Get("error") != "":
		return "", fmt.Errorf("the provider refused: %.200q", query.Get("error"))
	}
	o.cfg.Sessions.clear(w, "oidc-login")
	ctx, cancel := context.WithTimeout(r.Context(), oidcTimeout)
	defer cancel()
	answer, err := o.oauth.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(started.Proof))
	if err != nil {
		return "", errors.New("the provider did not accept the code")
	}
	raw, _ := answer.Extra("id_token").(string)
	token, err := o.verifier.Verify(ctx, raw)
	if err != nil || token.Nonce != started.Nonce {
		return "", errors.New("the provider's answer is not for this login")
	}
	in, err := o.user(token)
	if err != nil {
		return "", err
	}
	if err := o.logins.Load().begin(w, r, in); err != nil {
		return "", errors.New("no answer from Redis")
	}
	return started.Next, nil
}

// user reads the claims. An e-mail address counts only where the provider has verified it.
func (o *OIDC) user(token *oidc.IDToken) (login, error) {
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return login{}, errors.New("the provider's claims cannot be read")
	}
	name := token.Subject
	if email, _ := claims["email"].(string); email != "" && claims["email_verified"] == true {
		name = email
	}
	var groups []string
	listed, _ := claims[o.cfg.Groups].([]any)
	for _, one := range listed {
		if group, ok := one.(string); ok {
			groups = append(groups, group)
		}
	}
	role, ok := o.cfg.Roles.of(name, groups)
	if !ok {
		return login{}, fmt.Errorf("%s has no role in this monitor", name)
	}
	return login{Name: name, Role: role, Groups: o.cfg.Roles.named(groups), Proof: o.proof()}, nil
}
