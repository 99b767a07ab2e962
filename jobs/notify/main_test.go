package notify_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	code := redistest.MainAsMoving(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
