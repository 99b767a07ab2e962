package session_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	code := redistest.MainAsMoving(m)
	// scs.New starts a store of its own, and no way of stopping it is safe before its goroutine has begun.
	scs := goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup")
	if err := goleak.Find(scs); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
