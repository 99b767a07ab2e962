package dashboard

import (
	"testing"

	"github.com/navvy-go/navvy/internal/routetest"
)

// Patterns lists the routes of a dashboard, those of its logins and pages among them.
func (d *Dashboard) Patterns(tb testing.TB) []string { return routetest.Patterns(tb, d.routes()) }

// Unpaced lets users ask as fast as they can.
func (d *Dashboard) Unpaced() { d.pace.Every = 0 }
