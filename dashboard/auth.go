package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/navvy-go/navvy/internal/httpserver"
)

// Role is what a user may do.
type Role int

// The roles. An operator may do what a viewer may, and act.
const (
	Viewer Role = iota + 1
	Operator
)

// String returns "viewer" or "operator".
func (r Role) String() string {
	switch r {
	case Viewer:
		return "viewer"
	case Operator:
		return "operator"
	}
	return "nobody"
}

// ParseRole reads "viewer" or "operator".
func ParseRole(name string) (Role, error) {
	switch name {
	case "viewer":
		return Viewer, nil
	case "operator":
		return Operator, nil
	}
	return 0, fmt.Errorf("dashboard: %q is no role: viewer or operator", name)
}

// User is the sender of a request.
type User struct {
	Name   string // in the audit trail
	Role   Role
	Bearer bool // sent a bearer token: no browser adds that by itself, so no CSRF token is needed

	login   *login // of a person who has logged in to the dashboard
	address string // of the client
}

// Auth identifies the senders of requests. It is safe for concurrent use.
type Auth interface {
	// Identify returns the user, or false if the request has no valid credentials.
	Identify(r *http.Request) (User, bool)
	// Challenge answers a request without valid credentials: it asks for them.
	Challenge(w http.ResponseWriter, r *http.Request)
	// Routes adds the addresses that Auth needs for itself, such as a login page, to those under prefix.
	Routes(mux *http.ServeMux, prefix string)
}

// loggerOut is an [Auth] that people log in to, and can log out of. Its sessions are in the dashboard's Redis.
type loggerOut interface {
	bind(d *Dashboard) error
	logout() string
}

// bind gives what people log in to the dashboard that they log in to.
func bind(auth Auth, d *Dashboard) error {
	if all, several := auth.(AnyOf); several {
		for _, one := range all {
			if err := bind(one, d); err != nil {
				return err
			}
		}
	}
	if one, ok := auth.(loggerOut); ok {
		return one.bind(d)
	}
	return nil
}

// logout returns the address to post to in order to log out; "" if there is no login.
func (d *Dashboard) logout() string {
	all, several := d.cfg.Auth.(AnyOf)
	if !several {
		all = AnyOf{d.cfg.Auth}
	}
	for _, one := range all {
		if l, ok := one.(loggerOut); ok {
			return d.cfg.Prefix + l.logout()
		}
	}
	return ""
}

// Open lets everybody in as an operator who reaches this machine's loopback.
type Open struct{}

// Identify returns an operator, but not for a request for another host: it comes from a browser that was led here by a
// name that somebody else owns.
func (Open) Identify(r *http.Request) (User, bool) {
	return User{Name: "anyone", Role: Operator}, httpserver.IsLoopbackHost(r.Host)
}

// Challenge is never asked for.
func (Open) Challenge(w http.ResponseWriter, r *http.Request) { refuse(w, r) }

// Routes adds none.
func (Open) Routes(*http.ServeMux, string) {}

// AnyOf accepts the users of several, which are tried in order. The last one challenges.
type AnyOf []Auth

// Identify returns the user of the first one that identifies any.
func (all AnyOf) Identify(r *http.Request) (User, bool) {
	for _, one := range all {
		if user, known := one.Identify(r); known {
			return user, true
		}
	}
	return User{}, false
}

// Challenge asks for the credentials that the last one wants.
func (all AnyOf) Challenge(w http.ResponseWriter, r *http.Request) {
	if len(all) == 0 {
		refuse(w, r)
		return
	}
	all[len(all)-1].Challenge(w, r)
}

// Routes adds the addresses of all.
func (all AnyOf) Routes(mux *http.ServeMux, prefix string) {
	for _, one := range all {
		one.Routes(mux, prefix)
	}
}

// Tokens accepts requests with a bearer token (RFC 6750) of the credentials.
type Tokens struct{ Credentials *Credentials }

// Identify reads the Authorization header.
func (t Tokens) Identify(r *http.Request) (User, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return User{}, false
	}
	return t.Credentials.token(strings.TrimSpace(token))
}

// Challenge asks for a token.
func (Tokens) Challenge(w http.ResponseWriter, r *http.Request) { refuse(w, r) }

// Routes adds none.
func (Tokens) Routes(*http.ServeMux, string) {}

// refuse answers a request without valid credentials that a login page would not help.
func refuse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="navvy"`)
	refuseWith(w, r, http.StatusUnauthorized, "credentials are missing or wrong")
}

// wantsPage reports whether a request is a browser's, for a page, and not a program's.
func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("X-Live") == "" &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

type userKey struct{}

// userOf returns the sender of a request that went through viewer.
func userOf(ctx context.Context) User {
	user, _ := ctx.Value(userKey{}).(User)
	return user
}

// viewer lets in every user that Auth identifies, with a bound on what each asks for.
func (d *Dashboard) viewer(next http.HandlerFunc) http.Handler { return d.identified(d.counted(next)) }

// identified lets in every user that Auth identifies.
func (d *Dashboard) identified(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, known := d.cfg.Auth.Identify(r)
		if !known || user.Role < Viewer {
			if r.Header.Get("Authorization") != "" {
				d.denied(r, "", "token.unknown", "")
			}
			d.cfg.Auth.Challenge(w, r)
			return
		}
		user.address = d.cfg.ClientIP(r)
		if d.cfg.ReadOnly {
			user.Role = Viewer
		}
		next(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
	})
}
