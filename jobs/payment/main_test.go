package payment_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/postgrestest"
	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	code := redistest.MainAsMoving(m)
	postgrestest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
