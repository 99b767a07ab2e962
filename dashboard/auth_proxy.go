package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxy accepts users that a reverse proxy in front of the dashboard has authenticated and names in a header. The
// header counts only from the proxy's own addresses.
type Proxy struct {
	From       []netip.Prefix // the proxy's addresses; required
	UserHeader string         // names the user; defaults to X-Forwarded-User
	Groups     string         // the header with the user's groups, separated by commas; defaults to X-Forwarded-Groups
	Roles      Roles
}

// Roles gives users their roles. A user without a role is not let in.
type Roles struct {
	Viewers   []string // users, @groups, or * for everybody
	Operators []string // likewise
}

// of returns the highest role that the user's name or one of the groups has.
func (r Roles) of(name string, groups []string) (Role, bool) {
	has := func(allowed []string) bool {
		return slices.ContainsFunc(allowed, func(one string) bool {
			group, isGroup := strings.CutPrefix(one, "@")
			return one == "*" || isGroup && slices.Contains(groups, group) || !isGroup && one == name
		})
	}
	switch {
	case name == "":
		return 0, false
	case has(r.Operators):
		return Operator, true
	case has(r.Viewers):
		return Viewer, true
	}
	return 0, false
}

// named returns those of the groups that have a role.
func (r Roles) named(groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(group string) bool {
		return !slices.Contains(r.Viewers, "@"+group) && !slices.Contains(r.Operators, "@"+group)
	})
}

func (r Roles) validate() error {
	if len(r.Viewers)+len(r.Operators) == 0 {
		return errors.New("dashboard: nobody is a viewer or an operator, so nobody could get in")
	}
	return nil
}

// NewProxy checks the configuration and returns it as an Auth.
func NewProxy(p Proxy) (Auth, error) {
	if len(p.From) == 0 {
		return nil, errors.New("dashboard: without the proxy's addresses anybody could name any user")
	}
	for _, from := range p.From {
		if from.Bits() <= 0 {
			return nil, fmt.Errorf("dashboard: proxy %s is every address: anybody could name any user", from)
		}
	}
	p.UserHeader = cmp.Or(p.UserHeader, "X-Forwarded-User")
	p.Groups = cmp.Or(p.Groups, "X-Forwarded-Groups")
	return p, p.Roles.validate()
}

// Identify reads the headers, if the proxy sent them.
func (p Proxy) Identify(r *http.Request) (User, bool) {
	from, err := netip.ParseAddr(remote(r))
	if err != nil || !slices.ContainsFunc(p.From, func(net netip.Prefix) bool { return net.Contains(from.Unmap()) }) {
		return User{}, false
	}
	named := r.Header.Values(p.UserHeader)
	grouped := r.Header.Values(p.Groups)
	if len(named) != 1 || len(grouped) > 1 { // two of them: one may be the client's own
		return User{}, false
	}
	groups := strings.Split(strings.Join(grouped, ""), ",")
	for i := range groups {
		groups[i] = strings.TrimSpace(groups[i])
	}
	role, ok := p.Roles.of(named[0], groups)
	return User{Name: named[0], Role: role}, ok
}

// Challenge refuses: users log in at the proxy.
func (Proxy) Challenge(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "the proxy in front of this monitor did not say who you are, or you have no role here",
		http.StatusForbidden)
}

// Routes adds none.
func (Proxy) Routes(*http.ServeMux, string) {}
