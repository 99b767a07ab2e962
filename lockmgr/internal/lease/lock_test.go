package lease_test

import (
	"context"
	"errors"
	"testing"

	"github.com/navvy-go/navvy/lockmgr/internal/lease"
)

func TestReleaseKeepsItsAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lost bool
		want error
	}{"held": {false, nil}, "lost": {true, lease.ErrLost}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var set lease.Set
			m := &memory{lost: test.lost}
			lock := newLock(&set, m)
			if _, err := lock.TryAcquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			m.err = errors.New("away")
			if err := lock.Release(t.Context()); !errors.Is(err, m.err) {
				t.Errorf("without Redis: got %v, want its error", err)
			}
			m.err = nil
			for range 2 {
				if err := lock.Release(t.Context()); !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			}
			if m.releases != 2 {
				t.Errorf("%d releases reached the backend, want the failed one and one more", m.releases)
			}
		})
	}
}

func TestLockOfAClosedSetIsReleased(t *testing.T) {
	t.Parallel()
	var set lease.Set
	set.Close()
	m := &memory{}
	if _, err := newLock(&set, m).TryAcquire(t.Context()); !errors.Is(err, lease.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if m.releases != 1 {
		t.Errorf("%d releases, want one", m.releases)
	}
}

func TestRunReleasesAlsoAfterAPanic(t *testing.T) {
	t.Parallel()
	var set lease.Set
	m := &memory{lost: true}
	lock, failure := newLock(&set, m), errors.New("failure")
	if _, err := lock.TryAcquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := lock.Run(t.Context(), func(context.Context) error { return failure })
	if !errors.Is(err, failure) || !errors.Is(err, lease.ErrLost) {
		t.Errorf("got %v, want the failure and ErrLost", err)
	}
	lock = newLock(&set, m)
	if _, err := lock.TryAcquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recovered := recover(); recovered != "p" || m.releases != 2 || lock.Context().Err() == nil {
			t.Errorf("recovered %v after %d releases (context: %v)", recovered, m.releases, lock.Context().Err())
		}
	}()
	_ = lock.Run(t.Context(), func(context.Context) error { panic("p") })
}
