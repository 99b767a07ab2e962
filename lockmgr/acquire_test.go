package lockmgr

import (
	"errors"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// The client library repeats a command whose reply was lost; the holder must then not be refused its own lock.
func TestTakingTwiceGivesTheSameToken(t *testing.T) {
	t.Parallel()
	locks := New(redistest.Shared(t).Client(t))
	t.Cleanup(locks.Close)
	for name, backendOf := range map[string]func(string) scriptBackend{
		"plain": locks.lockBackend, "fair": locks.fairBackend,
	} {
		t.Run(name, func(t *testing.T) {
			lock, _, err := locks.newLock(redistest.Namespace(), nil)
			locktest.Must(t, err)
			lock.core.Backend = backendOf(lock.Name())
			var tokens []uint64
			for range 2 {
				if _, err := lock.core.TryAcquire(t.Context()); err != nil {
					t.Fatalf("TryAcquire: %v", err)
				}
				tokens = append(tokens, lock.Token())
			}
			if tokens[0] == 0 || tokens[0] != tokens[1] {
				t.Errorf("tokens: %d, want the same one", tokens)
			}
			if _, err := locks.TryAcquire(t.Context(), lock.Name()); !errors.Is(err, ErrNotAcquired) {
				t.Errorf("another's TryAcquire: got %v, want ErrNotAcquired", err)
			}
		})
	}
}
