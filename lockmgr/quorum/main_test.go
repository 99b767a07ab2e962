package quorum_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	code := redistest.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(2*time.Millisecond), time.Now().Add(10*time.Second)
	defer tick.Stop()
	for !holds() {
		if <-tick.C; time.Now().After(deadline) {
			t.Fatalf("waited 10 s: %s", what)
		}
	}
}

// receive waits for a value, which must come within 10 s.
func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(10 * time.Second):
		t.Fatalf("waited 10 s: %s", what)
	}
	panic("unreachable")
}
