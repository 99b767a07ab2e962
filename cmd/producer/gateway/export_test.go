package gateway

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

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
