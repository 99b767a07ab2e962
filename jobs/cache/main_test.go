package cache_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

// dialer is a goroutine of the client library that looks for a lost server, and ends up to a second after its pool.
const dialer = "github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"

func TestMain(m *testing.M) {
	if runAsReader() {
		return
	}
	code := redistest.MainAsMoving(m)
	if err := goleak.Find(goleak.IgnoreAnyFunction(dialer)); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
