package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/navvy-go/navvy/dashboard"
	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/routetest"
)

// What the monitor serves beside the dashboard, whose own routes are held against rules in its package: metrics are for
// those with credentials, and the state of health is for everybody.
func TestRoutesBesideTheDashboard(t *testing.T) {
	t.Parallel()
	handler := open(t, redistest.Shared(t).Client(t), redistest.Namespace(), dashboard.Tokens{Credentials: nobody(t)})
	mux, ok := handler.(*http.ServeMux)
	if !ok {
		t.Fatalf("a %T", handler)
	}
	want := []string{"/", "GET /healthz", "GET /metrics", "GET /readyz"}
	if got := routetest.Patterns(t, mux); !slices.Equal(got, want) {
		t.Errorf("%q, want %q: a new route needs a rule", got, want)
	}
	for path, status := range map[string]int{"/metrics": 401, "/healthz": 200, "/readyz": 200} {
		if got := get(t, handler, path); got.Code != status {
			t.Errorf("%s: status %d, want %d", path, got.Code, status)
		}
	}
}

// nobody are the credentials of an empty file.
func nobody(t *testing.T) *dashboard.Credentials {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := dashboard.ReadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	return read
}
