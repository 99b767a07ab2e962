package quorum_test

import (
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

func TestQuorumDoesNotBelieveALockThatEndsLaterThanItCan(t *testing.T) {
	t.Parallel()
	m := newMembers(t, 3)
	dead := strings.Repeat("d", 32) + ":300" // its clock was set back by an hour since
	for _, rdb := range m.clients {
		locktest.Must(t, rdb.Set(t.Context(), "lock:a", dead, time.Hour).Err())
	}
	lock, err := m.quorum().Acquire(locktest.Bounded(t), "a")
	locktest.Must(t, err)
	locktest.Must(t, lock.Release(t.Context()))
}
