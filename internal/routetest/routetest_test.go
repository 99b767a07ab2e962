package routetest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/navvy-go/navvy/internal/routetest"
)

func TestPatternsAreThoseOfTheRouter(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	want := []string{"/", "GET /a/{id}", "GET /assets/", "GET /{$}", "POST /a/{id}", "example.com/b/{rest...}"}
	for _, pattern := range want {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	if got := routetest.Patterns(t, mux); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
