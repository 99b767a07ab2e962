package gateway

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/routetest"
)

// Patterns lists the patterns of the router.
func (g *Gateway) Patterns(tb testing.TB) []string { return routetest.Patterns(tb, g.mux) }

// Routes lists the patterns of all routes.
func (g *Gateway) Routes() []string {
	return slices.Collect(maps.Keys(g.patterns(func(next http.Handler) http.Handler { return next })))
}

// Age makes the set's keys older.
func (s *KeySet) Age(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = s.read.Add(-by)
}
