package lease_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

func TestNamesWithoutAKeyAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a}b", "a{}b", "}{", strings.Repeat("n", lease.MaxName+1)} {
		if err := lease.CheckName(name); !errors.Is(err, lease.ErrInvalid) {
			t.Errorf("name %q: got %v, want ErrInvalid", name, err)
		}
	}
	for _, name := range []string{"a", "{a}", "a{b", "{a}}", strings.Repeat("n", lease.MaxName)} {
		if err := lease.CheckName(name); err != nil {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestQuotedNamesAreShort(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a\n":                    `"a\n"`,
		strings.Repeat("n", 64):  `"` + strings.Repeat("n", 64) + `"`,
		strings.Repeat("n", 999): `"` + strings.Repeat("n", 64) + `"…`,
	} {
		if got := lease.Quote(name); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestOwnersDiffer(t *testing.T) {
	t.Parallel()
	a, b := lease.NewOwner(time.Second), lease.NewOwner(time.Second)
	if a == b || len(a) != 37 || !strings.HasSuffix(a, ":1000") {
		t.Errorf("got %q and %q, want two of 32 hex digits and the TTL", a, b)
	}
}

// Other programs' holders may have any name: nothing is read into it.
func TestNothingIsLeftBeyondAHoldersTTL(t *testing.T) {
	t.Parallel()
	own := lease.NewOwner(3 * time.Second)
	for owner, want := range map[string]time.Duration{
		own: 3 * time.Second, "!" + own: 3 * time.Second,
		"host-1:3000": time.Hour, strings.Repeat("a", 32): time.Hour, strings.Repeat("a", 32) + ":": time.Hour, "": time.Hour,
	} {
		if got := lease.Believable(owner, time.Hour); got != want {
			t.Errorf("%q: got %s, want %s", owner, got, want)
		}
	}
	for _, left := range []time.Duration{time.Second, -1} { // -1: for ever
		if got := lease.Believable(own, left); got != left {
			t.Errorf("got %s, want %s", got, left)
		}
	}
}
