package main

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

// buildDir is where the programs that the tests run are built.
var buildDir string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	logging.Disable()
	var err error
	if buildDir, err = os.MkdirTemp("", "navvy-demo-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(buildDir)
	code := redistest.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-count", "-1"}, {"-json"}, {"more"}, {"-count", "many"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
