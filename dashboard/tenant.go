package dashboard

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/navvy-go/navvy/internal/scope"
)

var tenantForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$`)

// notTenants are the words that keys without a namespace begin with, of locks and of features.
var notTenants = []string{
	"analytics", "cache", "events", "feature", "fw", "gcra", "leaderboard", "lock", "once", "order", "orders", "rwlock",
	"scs", "semaphore", "session", "sessions", "sliding", "totp", "user",
}

// CheckTenant refuses the name of a namespace that cannot be a tenant's, see [Config.Tenant]: it is part of keys, of
// addresses and of cookies, and must be no other one's in any of them.
func CheckTenant(namespace string) error {
	switch {
	case !tenantForm.MatchString(namespace):
		return fmt.Errorf("%.80q is no tenant's name: it has 1 to 40 small letters, digits and dashes, none at an end",
			namespace)
	case slices.Contains(notTenants, namespace):
		return fmt.Errorf("%q is no tenant's name: keys that all tenants share begin with it", namespace)
	}
	return nil
}

// named gives the cookies names of their own where other dashboards are served at the same host: a browser
// distinguishes those of __Host- by nothing else.
func (d *Dashboard) named(s Sessions) Sessions {
	if d.cfg.Tenant {
		s.of = d.cfg.Namespace + "-"
	}
	return s
}

// keyScopes are those that an API key may have: those of a tenant are about its queues alone.
func keyScopes(cfg Config) []scope.Scope {
	if cfg.Tenant {
		return scope.OfQueues
	}
	return scope.All
}
