package lockmgr

import (
	"errors"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
)

// The client library repeats a command whose reply was lost; the holder must then not be refused its own lock.
func TestTakingTwiceGivesTheSameToken(t *testing.T) {
	t.Parallel()
	locks := New(redistest.Shared(t).Client(t))
	t.Cleanup(locks.Close)
	for _, opts := range [][]Option{nil, {Fair()}} {
		lock, o, err := newLock(&locks.leases, redistest.Namespace(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if lock.seat = locks.hub.lockForm(lock.name); o.fair {
			lock.seat = locks.hub.fairForm(lock.name)
		}
		var tokens []uint64
		for range 2 {
			if _, err := lock.take(t.Context()); err != nil {
				t.Fatalf("take: %v", err)
			}
			tokens = append(tokens, lock.Token())
		}
		if tokens[0] == 0 || tokens[0] != tokens[1] {
			t.Errorf("tokens: %d, want the same one", tokens)
		}
		if _, err := locks.TryAcquire(t.Context(), lock.Name()); !errors.Is(err, ErrNotAcquired) {
			t.Errorf("another's TryAcquire: got %v, want ErrNotAcquired", err)
		}
	}
}

func TestCompanionsAreInTheSlotOfTheirKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"lock:a":       "{lock:a}:fence",
		"lock:a{b":     "{lock:a{b}:fence",
		"lock:{a}:b":   "{a}:lock:{a}:b:fence",
		"lock:{a}{b}}": "{a}:lock:{a}{b}}:fence",
	} {
		if got := companion(key, "fence"); got != want {
			t.Errorf("companion of %s: got %s, want %s", key, got, want)
		}
	}
	for _, name := range []string{"", "a}b", "a{}b", "}{"} {
		if err := checkName(name); !errors.Is(err, ErrInvalid) {
			t.Errorf("name %q: got %v, want ErrInvalid", name, err)
		}
	}
}
