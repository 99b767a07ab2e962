package lease_test

import (
	"errors"
	"strings"
	"testing"

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
	a, b := lease.NewOwner(), lease.NewOwner()
	if a == b || len(a) != 32 {
		t.Errorf("got %q and %q, want two of 32 hex digits", a, b)
	}
}
