package lockmgr

import (
	"errors"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
)

// The client library repeats a command whose reply was lost; the holder must then not be refused its own lock.
func TestTakingTwiceWithOneTokenSucceeds(t *testing.T) {
	t.Parallel()
	locks := New(redistest.Shared(t).Client(t))
	lock, err := locks.newLock(redistest.Namespace(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := lock.take(t.Context()); err != nil {
			t.Fatalf("take: %v", err)
		}
	}
	if _, err := locks.TryAcquire(t.Context(), lock.Name()); !errors.Is(err, ErrNotAcquired) {
		t.Errorf("another's TryAcquire: got %v, want ErrNotAcquired", err)
	}
}
