package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/navvy-go/navvy/internal/httpserver"
)

// Scope is what a caller may do.
type Scope string

// The scopes. A caller that may write jobs may have any job run that the fleet knows. A scope on jobs may be limited to
// a queue, or to all whose names begin alike: jobs:write:orders, jobs:write:orders*.
const (
	JobsWrite          Scope = "jobs:write"
	JobsRead           Scope = "jobs:read"
	OrdersWrite        Scope = "orders:write"
	EventsWrite        Scope = "events:write"
	FlagsRead          Scope = "flags:read"
	BoardsRead         Scope = "leaderboards:read"
	BoardsWrite        Scope = "leaderboards:write"
	NotificationsWrite Scope = "notifications:write"
)

// Scopes lists them all.
var Scopes = []Scope{
	JobsWrite, JobsRead, OrdersWrite, EventsWrite, FlagsRead, BoardsRead, BoardsWrite, NotificationsWrite,
}

// ParseScopes reads names of scopes.
func ParseScopes(names []string) ([]Scope, error) {
	var scopes []Scope
	for _, name := range names {
		if !Scope(name).valid() {
			return nil, fmt.Errorf("gateway: %q is no scope: want one of %s; those on jobs may end in :QUEUE or :PREFIX*",
				name, joined(Scopes, ", "))
		}
		scopes = append(scopes, Scope(name))
	}
	if len(scopes) == 0 {
		return nil, errors.New("gateway: no scopes: nothing would be allowed")
	}
	return scopes, nil
}

func joined(scopes []Scope, separator string) string {
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, separator)
}

// Caller is the program that a request comes from.
type Caller struct {
	Name   string // in the log; a caller's rate and idempotency keys are its own
	Scopes []Scope
}

// may reports whether the caller has a scope, on a queue if the scope is of those that may be limited to some.
func (c Caller) may(scope Scope, queue string) bool {
	return slices.ContainsFunc(c.Scopes, func(has Scope) bool { return has.allows(scope, queue) })
}

// queuePattern is what a scope may be limited to.
var queuePattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}\*?$`)

// split takes a scope apart that is limited to some queues.
func (s Scope) split() (scope Scope, queues string, limited bool) {
	for _, scope := range []Scope{JobsWrite, JobsRead} {
		if queues, limited := strings.CutPrefix(string(s), string(scope)+":"); limited {
			return scope, queues, true
		}
	}
	return s, "", false
}

func (s Scope) valid() bool {
	scope, queues, limited := s.split()
	return slices.Contains(Scopes, scope) && (!limited || queuePattern.MatchString(queues))
}

func (s Scope) allows(asked Scope, queue string) bool {
	scope, queues, limited := s.split()
	switch prefix, open := strings.CutSuffix(queues, "*"); {
	case scope != asked:
		return false
	case open:
		return strings.HasPrefix(queue, prefix)
	}
	return !limited || queue == queues
}

// Errors of an [Auth].
var (
	errNone = errors.New("no credentials")
	errBad  = errors.New("wrong credentials")
)

// Auth finds which program a request comes from. It is safe for concurrent use.
type Auth interface {
	// Identify returns the caller, or an error: there are no credentials of this kind, or they are wrong.
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
	return Caller{Name: "anyone", Scopes: Scopes}, nil
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

// bearer returns the token of the Authorization header (RFC 6750), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
