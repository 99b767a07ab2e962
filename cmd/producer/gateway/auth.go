package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/navvy-go/navvy/internal/httpserver"
	"github.com/navvy-go/navvy/internal/scope"
)

// Caller is the program that a request comes from.
type Caller struct {
	Name   string // in the log; a caller's rate and idempotency keys are its own
	Scopes []scope.Scope
}

// may reports whether the caller has a scope, on a queue if the scope is of those that may be limited to some.
func (c Caller) may(asked scope.Scope, queue string) bool { return scope.Allow(c.Scopes, asked, queue) }

// mayKind is may for jobs of one kind.
func (c Caller) mayKind(asked scope.Scope, queue, kind string) bool {
	return scope.AllowKind(c.Scopes, asked, queue, kind)
}

// Errors of an [Auth].
var (
	errNone = errors.New("no credentials")
	errBad  = errors.New("wrong credentials")
)

// Auth finds which program a request comes from. It is safe for concurrent use.
type Auth interface {
	// Identify returns the caller, or an error: there are no credentials of this kind, or they are wrong. It is a
	// [problem.Document] where nobody knows whether they are.
	Identify(r *http.Request) (Caller, error)
}

// Open lets everybody in, for everything, who reaches this machine's loopback.
type Open struct{}

// Identify refuses a request for another host: it comes from a browser that was led here by a name that somebody else
// owns.
func (Open) Identify(r *http.Request) (Caller, error) {
	if !httpserver.IsLoopbackHost(r.Host) {
		return Caller{}, fmt.Errorf("%w: host %q", errBad, r.Host)
	}
	return Caller{Name: "anyone", Scopes: scope.All}, nil
}

// AnyOf lets in whom one of several lets in, asked in their order.
type AnyOf []Auth

// Identify returns the caller that the first one knows who knows any.
func (all AnyOf) Identify(r *http.Request) (Caller, error) {
	err := errNone
	for _, one := range all {
		caller, why := one.Identify(r)
		if why == nil {
			return caller, nil
		}
		if !errors.Is(why, errNone) {
			err = why
		}
	}
	return Caller{}, err
}

// secretOf returns the API key of a request, in X-API-Key or as a bearer token, or "".
func secretOf(r *http.Request) string {
	if key := r.Header.Get("X-API-Key"); key != "" {
		return key
	}
	return bearer(r)
}

// bearer returns the token of the Authorization header (RFC 6750), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
