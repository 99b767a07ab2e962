package analytics_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	if runAsWorker() {
		return
	}
	code := redistest.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// then is the time of tests whose events have dates.
func then() time.Time { return time.Date(2025, 11, 23, 0, 0, 0, 0, time.UTC) }
